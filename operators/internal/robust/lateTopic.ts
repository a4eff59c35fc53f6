import { defer, type Observable } from "rxjs";
import type { BackendPartition, BackendTopic, TopicConfig } from "../../../src/model/backend.ts";
import type { Appended, EventBatch } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { innerFrom } from "../innerFrom.ts";

/** The part of a partition that is needed to send to it. */
type Target = Pick<BackendPartition, "index" | "append" | "nextSequence">;

/** A topic that nobody has been able to reach yet, as far as events have to be sent to it: what it is, is known from a journal. */
export class LateTopic {
  readonly name: string;
  readonly #config: TopicConfig;
  readonly #partitions: Target[] = [];
  #topic: BackendTopic | undefined;
  #error: unknown;

  /** @param error - Why it cannot be reached. */
  constructor(name: string, config: TopicConfig, error: unknown) {
    this.name = name;
    this.#config = config;
    this.#error = error;
  }

  /** What it is: what the journal knows, until it is there. */
  get config(): TopicConfig {
    return this.#topic?.config ?? this.#config;
  }

  /** Its partitions: as many as the journal knows, until it is there. */
  get partitions(): readonly Target[] {
    const count = Math.max(this.#config.partitions, this.#topic?.partitions.length ?? 0);
    while (this.#partitions.length < count) this.#partitions.push(this.#partition(this.#partitions.length));
    return this.#partitions;
  }

  /** It is there. */
  arrive(topic: BackendTopic): void {
    this.#topic = topic;
  }

  /** It will not come, or not for this reason. */
  fail(error: unknown): void {
    this.#error = error;
  }

  #partition(index: number): Target {
    const target = () => this.#target(index);
    const isThere = () => this.#topic !== undefined;
    return {
      index,
      append: (batch: EventBatch): Observable<Appended> => defer(() => innerFrom(target().append(batch))),
      get nextSequence() {
        if (!isThere()) return () => defer((): Observable<number> => innerFrom(target().nextSequence!("")));
        const found = target();
        return found.nextSequence?.bind(found) as NonNullable<Target["nextSequence"]>;
      },
    };
  }

  #target(index: number): BackendPartition {
    if (this.#topic === undefined) throw this.#error as Error;
    const target = this.#topic.partitions[index];
    if (target !== undefined) return target;
    throw new SluiceError("ERR_INVALID_PARTITION", `Topic "${this.name}" has no partition ${index}`, {
      details: { partition: index, partitions: this.#topic.partitions.length },
    });
  }
}
