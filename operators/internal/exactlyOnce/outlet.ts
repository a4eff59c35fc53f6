import { asyncScheduler, concatMap, defer, map, of, type Observable } from "rxjs";
import type { BackendTopic, TransactionAppend } from "../../../src/model/backend.ts";
import { idAt, type Appended } from "../../../src/model/batch.ts";
import { EventData } from "../../../src/model/data.ts";
import { EventDraft, type EventInput } from "../../../src/model/draft.ts";
import { packBatch } from "../../../src/model/packBatch.ts";
import type { Receipt } from "../../../src/model/receipt.ts";
import type { TopicHandle } from "../../../src/model/topicHandle.ts";
import type { DraftStep } from "../draftSteps.ts";
import { innerFrom } from "../innerFrom.ts";
import { topicSteps, type TopicSteps } from "../topicSteps.ts";
import { checkOutput } from "./outputsOf.ts";

/** An event on its way into a transaction. @internal */
export interface Output {
  readonly outlet: Outlet<never>;
  readonly draft: EventDraft<never>;
}

/** One of the topics that a transaction writes to. @internal */
export class Outlet<I> {
  readonly topic: TopicHandle<I, never>;
  readonly #steps: TopicSteps<I>;

  constructor(topic: TopicHandle<I, never>) {
    this.topic = topic;
    this.#steps = topicSteps<I>(topic);
  }

  /** Checks an event. */
  accept(input: EventInput<I>): Observable<Output> {
    return defer(() => {
      const { metadata, data, partition } = checkOutput(input);
      const draft = new EventDraft(metadata, EventData.from(data), partition, asyncScheduler.now());
      return through(this.#steps.validate, draft);
    }).pipe(map((draft) => ({ outlet: this as unknown as Outlet<never>, draft: draft as EventDraft<never> })));
  }

  /** Gives an event its partition and serializes it. To be called in the order of the events. */
  place(draft: EventDraft<I>): Observable<EventDraft<I>> {
    return through(this.#steps.place, draft);
  }
}

function through<D>(step: DraftStep<D>, draft: D): Observable<D> {
  return defer(() => {
    const answer = step(draft);
    return answer === undefined ? of(draft) : innerFrom(answer).pipe(map(() => draft));
  });
}

/** The place of several events, one after the other. @internal */
export function placeAll(outputs: readonly Output[]): Observable<Output> {
  return innerFrom(outputs).pipe(concatMap((output) => output.outlet.place(output.draft).pipe(map(() => output))));
}

/** What goes to one partition. @internal */
export interface OutputBatch {
  readonly append: TransactionAppend;
  readonly drafts: readonly EventDraft<never>[];
}

/** One batch for each partition, in the order of the events. @internal */
export function packOutputs(outputs: readonly Output[]): OutputBatch[] {
  // By the topic that is meant: dead letters may go to the target as well, and a transaction takes one batch of a partition.
  const groups = new Map<BackendTopic, Map<number, EventDraft<never>[]>>();
  for (const { outlet, draft } of outputs) {
    const { backend } = outlet.topic;
    const partitions = groups.get(backend) ?? new Map<number, EventDraft<never>[]>();
    groups.set(backend, partitions);
    const drafts = partitions.get(draft.partition);
    if (drafts === undefined) partitions.set(draft.partition, [draft]);
    else drafts.push(draft);
  }
  const batches: OutputBatch[] = [];
  for (const [topic, partitions] of groups) {
    for (const [partition, drafts] of partitions)
      batches.push({ append: { topic, partition, batch: packBatch(drafts) }, drafts });
  }
  return batches;
}

/** What the producer of the events gets to know. @internal */
export function receiptsOf(batches: readonly OutputBatch[], appended: readonly Appended[]): Receipt[] {
  return batches.flatMap(({ append: { topic, partition }, drafts }, k) =>
    drafts.map(({ timestamp }, i) => ({ topic: topic.name, partition, id: idAt(appended[k]!, i), timestamp })),
  );
}
