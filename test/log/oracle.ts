import type { BackendTopic } from "../../src/model/backend.ts";
import { answerOf, readAll } from "./support.ts";
import { dataOf, keyCount, textOf } from "./oracleEvents.ts";

/** What the world has been told of one partition. */
interface Known {
  /** The id behind the last event that was said to be stored, or that was seen. */
  end: number;
  /** Which process wrote each event that was said to be stored. */
  readonly writers: (number | undefined)[];
  /** The position that was said to be stored, or that was seen, of each consumer. */
  readonly positions: Map<string, number>;
}

/**
 * What the log has to keep: everything that was answered; of that, what was said to be on the disk; or only some first part
 * of each partition, in its order.
 */
export type Kept = "everything" | "disk" | "order";

/** Remembers what processes that have been killed had said, and holds the log to it. */
export class Oracle {
  readonly #partitions = new Map<string, Known>();
  readonly #counts = new Map<string, number>();
  /** Whether each topic that comes and goes must be there; undefined while nobody has been answered. */
  readonly #topics = new Map<string, boolean | undefined>();
  readonly #sealed = new Set<string>();
  readonly #cycles = new Set<number>();
  readonly #kept: Kept;
  /** How many events were found to be gone since there are newer ones of their keys. */
  compacted = 0;
  /** How many events readers of other processes were said to have seen. */
  seen = 0;
  /** Everything that is not as it should be. */
  readonly problems: string[] = [];

  constructor(kept: Kept = "everything") {
    this.#kept = kept;
  }

  /** How many events, over all partitions, were said to be stored. */
  get stored(): number {
    return [...this.#partitions.values()].reduce((sum, { end }) => sum + end, 0);
  }

  /** Takes a line that the process of a cycle has said. */
  hear(cycle: number, line: string): void {
    const [what, topic = "", ...rest] = line.split(" ");
    const [first, second, third] = rest.map(Number);
    const known = this.#known(topic, first!);
    this.#cycles.add(cycle);
    if (this.#kept === "order" && (what === "stored" || what === "acknowledged")) return;
    if (this.#kept !== "everything" && what === "written") return;
    if (what === "stored" || what === "written") {
      for (let id = second!; id < third!; id++) known.writers[id] = cycle;
      known.end = Math.max(known.end, third!);
    } else if (what === "seen") this.#see(known, `${topic}/${first}`, second!, third!, Number(rest[3]));
    else if (what === "acknowledged") this.#moved(known, rest[1]!, third!);
    else if (what === "end") this.#checkEnd(topic, first!, second!);
    else if (what === "sealed") this.#sealed.add(topic);
    else if (what === "position") this.#checkPosition(topic, first!, rest[1]!, third!);
    else if (what === "partitions") this.#counts.set(topic, first!);
    else if (what === "making" || what === "deleting") this.#topics.set(topic, undefined);
    else if (what === "made" || what === "deleted") this.#topics.set(topic, what === "made");
    else if (what === "found") this.#checkOutcome(line, rest[1]!);
    else if (what === "wrong" || what === "failed") this.problems.push(line);
  }

  /** Compares with which topics there are. */
  checkTopics(names: readonly string[]): void {
    for (const [name, isThere] of this.#topics) {
      if (isThere !== undefined && isThere !== names.includes(name))
        this.problems.push(`topic ${name} is ${isThere ? "lost" : "back"}`);
    }
    for (const name of names) {
      if (name.startsWith("temporary") && !this.#topics.has(name)) this.problems.push(`nobody made topic ${name}`);
    }
  }

  /** Reads everything, and compares it. */
  async checkEvents(topic: BackendTopic): Promise<void> {
    const count = this.#counts.get(topic.name) ?? 0;
    if (topic.partitions.length < count) this.problems.push(`${topic.name} has lost a partition`);
    for (const partition of topic.partitions) {
      const { index } = partition;
      const { writers } = this.#known(topic.name, index);
      const { start, end, sealed } = await answerOf(partition.bounds());
      this.#checkEnd(topic.name, index, end);
      for (const consumer of ["app", "slow"])
        this.#checkPosition(topic.name, index, consumer, (await answerOf(topic.cursors(consumer)))[index] ?? 0);
      this.#checkStart(topic, index, start);
      if (this.#sealed.has(topic.name) && !sealed) this.problems.push(`${topic.name} is not sealed any more`);
      const { events, errors } = await readAll(partition);
      for (const error of errors) this.problems.push(`${topic.name}/${index}: ${String(error)}`);
      this.#checkIds(
        topic,
        index,
        start,
        end,
        events.map(({ id }) => id),
      );
      for (const { id, text, data } of events) {
        const writer = writers[id] ?? Number(text.slice(text.lastIndexOf("/") + 1));
        const isRight = text === textOf(topic.name, index, id, writer) && this.#cycles.has(writer);
        if (!isRight || Buffer.compare(data, dataOf(id) ?? new Uint8Array(0)) !== 0)
          this.problems.push(`${topic.name}/${index}: event ${id} of writer ${writer} is ${text}`);
      }
    }
  }

  /** Every event is there once, in order. Where there is a newer one of its key, it may be gone. */
  #checkIds(
    { name, config }: BackendTopic,
    partition: number,
    start: number,
    end: number,
    ids: readonly number[],
  ): void {
    const there = new Set(ids);
    const isOrdered = ids.every((id, i) => id >= start && id < end && (i === 0 || id > ids[i - 1]!));
    if (!isOrdered) this.problems.push(`${name}/${partition} has its events out of order: ${ids.join(" ")}`);
    const mayGo = config.compaction === undefined ? start : end - keyCount;
    for (let id = start; id < end; id++) {
      if (there.has(id)) continue;
      if (id >= mayGo) this.problems.push(`${name}/${partition}: event ${id} of ${start} to ${end} is missing`);
      else this.compacted++;
    }
  }

  /** What a reader has seen was committed, so it stays, as it was seen. */
  #see(known: Known, partition: string, from: number, to: number, cycle: number): void {
    for (let id = from; id < to; id++) {
      const writer = (known.writers[id] ??= cycle);
      if (writer !== cycle) this.problems.push(`${partition}: event ${id} of ${writer} was seen as one of ${cycle}`);
    }
    known.end = Math.max(known.end, to);
    this.seen += to - from;
  }

  #checkEnd(topic: string, partition: number, end: number): void {
    const known = this.#known(topic, partition);
    if (end < known.end) this.problems.push(`${topic}/${partition} ends at ${end}, where ${known.end} were stored`);
    known.end = Math.max(known.end, end);
  }

  /** Only what may be dropped is dropped. */
  #checkStart({ name, config }: BackendTopic, partition: number, start: number): void {
    const acknowledged = this.#known(name, partition).positions.get("app") ?? 0;
    const least = config.retention?.acknowledgedBy === undefined ? 0 : acknowledged;
    if (this.#kept !== "order" && start > least)
      this.problems.push(`${name}/${partition} starts at ${start}, where ${least} may be dropped`);
  }

  #checkPosition(topic: string, partition: number, consumer: string, position: number): void {
    const known = this.#known(topic, partition);
    const least = known.positions.get(consumer) ?? 0;
    if (position < least || position > known.end)
      this.problems.push(`${consumer} of ${topic}/${partition} is at ${position}, from ${least} to ${known.end}`);
    this.#moved(known, consumer, position);
  }

  #checkOutcome(line: string, outcome: string): void {
    if (outcome !== "clean" && outcome !== "tornTail") this.problems.push(line);
  }

  #moved(known: Known, consumer: string, position: number): void {
    known.positions.set(consumer, Math.max(known.positions.get(consumer) ?? 0, position));
  }

  #known(topic: string, partition: number): Known {
    const key = `${topic}/${partition}`;
    const known = this.#partitions.get(key) ?? { end: 0, writers: [], positions: new Map<string, number>() };
    this.#partitions.set(key, known);
    return known;
  }
}
