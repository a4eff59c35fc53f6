import { keyReader, type Compaction } from "../../src/model/compaction.ts";
import type { PartitionSelector, Serializer, Validator } from "../../src/model/component.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";
import type { PartitionInfo } from "../../src/model/partition.ts";

/** Completes one part of a draft: nothing when it is done at once, a promise when it takes its time. Throws to reject it. @internal */
export type DraftStep<D> = (draft: D) => PromiseLike<unknown> | undefined;

/**
 * Two steps as one. As long as they are synchronous an event passes both in one go, and only one engine has to carry it.
 *
 * @internal
 */
export function inSequence<D>(first: DraftStep<D>, second: DraftStep<D>): DraftStep<D> {
  return (draft) => {
    const answer = first(draft);
    return answer === undefined ? second(draft) : answer.then(() => second(draft));
  };
}

/** Checks the draft, and takes over the metadata that the validator returned. @internal */
export function validateDraft<M>(validator: Validator<M>): DraftStep<EventDraft<M>> {
  return (draft) => {
    try {
      const answer = validator.validate(draft.metadata, draft.data);
      if (isPromiseLike<M>(answer)) return validateLater(draft, answer);
      draft.metadata = answer;
      return undefined;
    } catch (error) {
      throw invalid(error);
    }
  };
}

// `then` and not `await`, here and below: an answer that virtual time moves must not have to wait for a real promise.
function validateLater<M>(draft: EventDraft<M>, answer: PromiseLike<M>): PromiseLike<void> {
  const accept = (metadata: M) => {
    draft.metadata = metadata;
  };
  return answer.then(accept, (error: unknown) => {
    throw invalid(error);
  });
}

/** Gives the draft its partition. @internal */
export function selectDraftPartition<M>(
  selector: PartitionSelector<M>,
  partitions: () => readonly PartitionInfo[],
): DraftStep<EventDraft<M>> {
  const select = selector.start();
  return (draft) => {
    const known = partitions();
    try {
      const answer = select(draft.metadata, known, draft.requested);
      if (isPromiseLike(answer)) return selectLater(draft, answer, known.length);
      assignPartition(draft, answer, known.length);
      return undefined;
    } catch (error) {
      throw unselected(error);
    }
  };
}

function selectLater(draft: EventDraft, answer: PromiseLike<number>, count: number): PromiseLike<void> {
  return answer.then(
    (partition) => assignPartition(draft, partition, count),
    (error: unknown) => {
      throw unselected(error);
    },
  );
}

function unselected(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_COMPONENT", `The partition selector failed: ${reason}`, { cause: error });
}

function assignPartition(draft: EventDraft, partition: number, count: number): void {
  if (!Number.isInteger(partition) || partition < 0 || partition >= count) {
    throw new SluiceError(
      "ERR_INVALID_PARTITION",
      `The partition must be an integer from 0 to ${count - 1}: current value is ${describeValue(partition)}`,
      { details: { partition, partitions: count } },
    );
  }
  draft.partition = partition;
}

/** Gives the draft its key, for a topic that is compacted. @internal */
export function keyDraft<M>(compaction: Compaction): DraftStep<EventDraft<M>> {
  const read = keyReader(compaction);
  return (draft) => {
    draft.key = read(draft.metadata);
    return undefined;
  };
}

/** Has what follows the draft write itself into its metadata, behind a validator that may know nothing of it. @internal */
export function carryTrace(draft: EventDraft): undefined {
  if (draft.trace !== undefined) draft.metadata = draft.trace.carry(draft.metadata);
}

/** Gives the draft its payload. @internal */
export function serializeDraft<M>(serializer: Serializer<M>): DraftStep<EventDraft<M>> {
  return (draft) => {
    try {
      const answer = serializer.serialize(draft.metadata);
      if (isPromiseLike<string | Uint8Array>(answer)) return serializeLater(serializer, draft, answer);
      assignPayload(serializer, draft, answer);
      return undefined;
    } catch (error) {
      throw unserializable(error);
    }
  };
}

function serializeLater<M>(
  serializer: Serializer<M>,
  draft: EventDraft<M>,
  answer: PromiseLike<string | Uint8Array>,
): PromiseLike<void> {
  return answer.then(
    (payload) => assignPayload(serializer, draft, payload),
    (error: unknown) => {
      throw unserializable(error);
    },
  );
}

function assignPayload<M>({ form }: Serializer<M>, draft: EventDraft<M>, payload: unknown): void {
  if (form === "text" ? typeof payload === "string" : payload instanceof Uint8Array) {
    draft.payload = payload as string | Uint8Array;
    return;
  }
  const wanted = form === "text" ? "a string" : "a Uint8Array";
  throw new SluiceError(
    "ERR_SERIALIZATION",
    `A serializer must return ${wanted}: current value is ${describeValue(payload)}`,
  );
}

function invalid(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const details = { path: "", rule: reason };
  return new SluiceError("ERR_INVALID_METADATA", `The validator failed: ${reason}`, { cause: error, details });
}

function unserializable(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError("ERR_SERIALIZATION", `The serializer failed: ${reason}`, { cause: error });
}
