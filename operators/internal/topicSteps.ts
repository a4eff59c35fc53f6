import type { BackendTopic } from "../../src/model/backend.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import type { PartitionInfo } from "../../src/model/partition.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import { acceptsAll } from "../../src/model/validators/acceptAll.ts";
import {
  carryTrace,
  inSequence,
  keyDraft,
  selectDraftPartition,
  serializeDraft,
  validateDraft,
  type DraftStep,
} from "./draftSteps.ts";
import type { PipelineOptions } from "./pipelineOptions.ts";

/** What is done with each event of a topic before it goes into a batch. @internal */
export interface TopicSteps<M> {
  /** Checks it. */
  readonly validate: DraftStep<EventDraft<M>>;
  /** Gives it its partition, its key where the topic is compacted, and its payload. */
  readonly place: DraftStep<EventDraft<M>>;
}

/** Begins the steps of one producer: its partition selector has a state of its own. @internal */
export function topicSteps<M>(
  { backend, components }: Pick<TopicHandle<M>, "backend" | "components">,
  { trace }: Pick<PipelineOptions, "trace"> = {},
): TopicSteps<M> {
  const { validator, partitionSelector, serializer } = components;
  const { compaction } = backend.config;
  const select = selectDraftPartition<M>(partitionSelector, partitionsOf(backend));
  const write = serializeDraft<M>(serializer);
  const serialize = trace === undefined ? write : inSequence<EventDraft<M>>(carryTrace, write);
  const finish = compaction === undefined ? serialize : inSequence(keyDraft<M>(compaction), serialize);
  return {
    validate: acceptsAll(validator) ? () => undefined : validateDraft<M>(validator),
    place: inSequence(select, finish),
  };
}

/** The partitions of a topic as a selector sees them: a list that is made anew only when one was added. */
function partitionsOf(topic: BackendTopic): () => readonly PartitionInfo[] {
  let infos: readonly PartitionInfo[] = [];
  return () => {
    const { partitions } = topic; // Asked for each time: a backend may put a new list in place of the old one.
    if (infos.length !== partitions.length) infos = partitions.map(({ index }) => ({ partition: index }));
    return infos;
  };
}
