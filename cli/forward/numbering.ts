import { randomBytes } from "node:crypto";
import type { ProducerSequence, StreamEvent } from "sluice";

/** An event as far as its number depends on it. */
type Numbered = Pick<StreamEvent, "id" | "timestamp">;

/** What an earlier run of a forward has stored in a partition of the target. */
export interface Forwarded {
  /** The name under which it stored last. */
  readonly name: string;
  /** The id in the source of the event with the number 0 of that name. */
  readonly base: number;
  /** The highest id in the source of those that were seen. */
  readonly last: number;
  /** When the events happened that were seen, by their ids in the source. */
  readonly times: ReadonlyMap<number, number>;
}

/**
 * The numbers under which events of one partition of the source are stored, so that the target stores each once. An event's number
 * is its id, less that of the first one of the name; the name says which that is. So what stands in the target tells a later
 * run how far this one has come, whatever the source knows of it.
 */
export class Numbering {
  readonly #prefix: string;
  /** What an earlier run has left, until it is gone past. */
  #found: Forwarded | undefined;
  #name: string | undefined;
  /** The id of the event with the number 0. */
  #base = 0;
  /** The id of the next event that the name goes on with. */
  #next = 0;

  /**
   * @param prefix - What names begin with: one for each name of a forward, source and partition.
   * @param found - What an earlier run has left.
   */
  constructor(prefix: string, found: Forwarded | undefined) {
    this.#prefix = prefix;
    this.#found = found;
    if (found === undefined) return;
    this.#name = found.name;
    this.#base = found.base;
    this.#next = found.last + 1;
  }

  /**
   * Leaves out those events that stand in the target already, and numbers the others. Where their ids have gaps they get no numbers,
   * since a number is only taken behind the one before it.
   */
  begin<E extends Numbered>(events: readonly E[]): readonly E[] {
    const missing = events.filter((event) => !this.#isThere(event));
    if (missing.length === 0) return missing;
    const [first, last] = [missing[0]!.id, missing.at(-1)!.id];
    // An id of an earlier run with another event has been given a second time, and its number would hide this one.
    if (this.#found !== undefined && first <= this.#found.last) this.renew();
    else this.#found = undefined;
    if (last === first + missing.length - 1) this.#place(first, last + 1);
    else this.renew();
    return missing;
  }

  /** The number of an event that was begun last; undefined where it has none. */
  of({ id }: Numbered): ProducerSequence | undefined {
    return this.#name === undefined ? undefined : { id: this.#name, sequence: id - this.#base };
  }

  /** The numbers cannot be gone on with. The next ones begin anew, under another name. */
  renew(): void {
    this.#name = undefined;
  }

  /** Whether an earlier run has stored an event. Its time tells it apart from one that has got its id later. */
  #isThere({ id, timestamp }: Numbered): boolean {
    const time = this.#found?.times.get(id);
    return time !== undefined && isSameTime(time, timestamp);
  }

  /** Events that are tried again keep their numbers. */
  #place(first: number, end: number): void {
    if (this.#name === undefined || first < this.#base || first > this.#next) {
      this.#name = `${this.#prefix}${first}.${randomBytes(8).toString("hex")}`;
      this.#base = first;
    }
    this.#next = end;
  }
}

/** A backend may keep whole milliseconds. */
export function isSameTime(one: number, other: number): boolean {
  return Math.abs(one - other) < 1;
}

/** The id that a name says its number 0 is; undefined when it is the name of somebody else. */
export function baseOf(name: string, prefix: string): number | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const base = /^(\d{1,16})\.[0-9a-f]+$/.exec(name.slice(prefix.length))?.[1];
  return base === undefined ? undefined : Number(base);
}
