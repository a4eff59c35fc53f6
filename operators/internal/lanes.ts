import type { TeardownLogic } from "rxjs";
import type { BackendTopic } from "../../src/model/backend.ts";
import { sizeOfDraft, type EventDraft } from "../../src/model/draft.ts";
import { Batcher, checkBatchOptions } from "./batcher.ts";
import type { Downstream } from "./downstream.ts";
import type { PipelineHost, StoredDrafts } from "./pipelineHost.ts";
import type { PipelineOptions } from "./pipelineOptions.ts";
import { sendDrafts } from "./sendDrafts.ts";

/** The batches of each partition. A lane is made when its first event comes. @internal */
export class Lanes<D extends EventDraft> implements Downstream<D> {
  readonly #topic: BackendTopic;
  readonly #options: PipelineOptions;
  readonly #host: PipelineHost<D>;
  readonly #lanes: (Batcher<D, StoredDrafts<D>> | undefined)[] = [];
  readonly #pressed = new Set<number>();
  /** Lanes that have not completed; the source counts as one more. */
  #open = 1;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(topic: BackendTopic, options: PipelineOptions, host: PipelineHost<D>) {
    this.#topic = topic;
    this.#options = options;
    this.#host = host;
    host.add(
      host.flushes.subscribe(() => {
        for (const lane of this.#lanes) lane?.flush();
      }),
    );
  }

  get closed(): boolean {
    return this.#host.closed;
  }

  add(teardown: TeardownLogic): void {
    this.#host.add(teardown);
  }

  next(draft: D): void {
    this.#host.serialized(draft);
    const lane = this.#lanes[draft.partition] ?? this.#openLane(draft.partition);
    lane.next(draft);
    if (this.#host.isFlushing) lane.flush();
  }

  /** What was accepted is stored first, then the error is told. */
  error(error: unknown): void {
    this.#failure ??= { error };
    this.complete();
  }

  complete(): void {
    if (this.#ended) return; // A batch may fail after the source has completed, and then tells its error here.
    this.#ended = true;
    for (const lane of this.#lanes) lane?.complete();
    this.#settle();
  }

  #settle(): void {
    if (--this.#open > 0) return;
    if (this.#failure === undefined) this.#host.complete();
    else this.#host.error(this.#failure.error);
  }

  #openLane(partition: number): Batcher<D, StoredDrafts<D>> {
    this.#open++;
    const host = this.#host;
    const settled: Downstream<StoredDrafts<D>> = {
      next: (stored) => host.next(stored),
      error: (error) => host.error(error),
      complete: () => this.#settle(),
      get closed() {
        return host.closed;
      },
      add: (teardown) => host.add(teardown),
    };
    const pressure = { next: (isPressed: boolean) => this.#press(partition, isPressed) };
    const rules = checkBatchOptions<D>({ ...this.#options, sizeOf: sizeOfDraft, pressure });
    const lane = new Batcher(
      settled,
      rules,
      sendDrafts(this.#topic.partitions[partition]!, this.#options, host),
      (drafts) => host.abandoned(drafts),
    );
    this.#lanes[partition] = lane;
    return lane;
  }

  #press(partition: number, isPressed: boolean): void {
    if (isPressed) this.#pressed.add(partition);
    else this.#pressed.delete(partition);
    this.#host.press(this.#pressed.size > 0);
  }
}
