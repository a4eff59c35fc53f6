import type { Subscription } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import type { Backend, BackendPartition, BackendTopic, Lease, TopicConfig } from "../../src/index.ts";
import { answerOf, type ReadEvent, type TestEvent } from "../log/support.ts";
import type { Subject } from "./subject.ts";

/** An event as it was appended. */
export interface WrittenEvent extends ReadEvent {
  readonly time: number;
}

/** What fast-check knows beside the two backends. Nothing: every command is possible at any time. */
export type Model = Record<string, never>;

/** A member of a group, on both sides. */
export interface Member {
  readonly consumer: string;
  /** Leases that it holds, on each side. */
  readonly leases: readonly [Lease[], Lease[]];
  readonly subscriptions: readonly [Subscription, Subscription];
}

/** The two backends, and everything that was ever written. */
export class World {
  readonly subject: Subject;
  readonly memory: Backend = memoryBackend();
  /** All events by partition. */
  readonly events: WrittenEvent[][] = [];
  /** The number of the next event of each producer and partition. */
  readonly sequences = new Map<string, number>();
  readonly members: Member[] = [];
  topic!: BackendTopic;
  reference!: BackendTopic;
  time = 1000;
  sealed = false;

  private constructor(subject: Subject) {
    this.subject = subject;
  }

  /** Makes the topic on both sides. */
  static async make(subject: Subject, config: TopicConfig): Promise<World> {
    const world = new World(subject);
    world.topic = await answerOf(subject.backend.createTopic("t", config));
    world.reference = await answerOf(world.memory.createTopic("t", config));
    return world;
  }

  /** How many partitions there are. */
  get count(): number {
    return this.reference.partitions.length;
  }

  /** A partition on both sides, and what was written to it. */
  partition(number: number): readonly [subject: BackendPartition, memory: BackendPartition, events: WrittenEvent[]] {
    const index = number % this.count;
    return [this.topic.partitions[index]!, this.reference.partitions[index]!, (this.events[index] ??= [])];
  }

  /** Notes what both sides have stored. */
  wrote(number: number, events: readonly TestEvent[], time: number): void {
    const [, , written] = this.partition(number);
    for (const { text, data = new Uint8Array(0) } of events) written.push({ id: written.length, text, data, time });
  }

  /** Everybody leaves, as when the process ends. */
  leaveAll(): void {
    for (const { subscriptions } of this.members.splice(0)) for (const each of subscriptions) each.unsubscribe();
  }
}
