/** A run of positions of one partition that go to the backend under one identity. */
export interface Span {
  /** The identity, under which the backend counts. */
  readonly producer: string;
  /** The first position. The run ends where the next one begins. */
  readonly origin: number;
  /** Whether the backend has said that it knew nothing of this identity. Nothing is sent under it before. */
  readonly isMet: boolean;
}

/** Where one position stands in the sequence of its producer. */
export interface Place {
  /** The identity. */
  readonly producer: string;
  /** The number of the event among all that go under this identity. */
  readonly sequence: number;
  /** As in {@link Span}. */
  readonly isMet: boolean;
  /** The position behind the last one of the run; infinite for the newest run. */
  readonly end: number;
}

/**
 * Translates positions in the journal into sequence numbers for the backend. Both count events, and differ by where the
 * run began and by the events in between that were put aside and never count.
 *
 * Each process that writes to a journal begins a run of its own. So the events of two copies of one journal are never
 * taken for one another, and the backend can tell that a journal is older than what it has seen of it.
 */
export class Spans {
  #spans: Span[];
  /** Positions of events that were put aside, ascending. */
  #dead: number[];

  constructor(spans: readonly Span[] = [], dead: readonly number[] = []) {
    this.#spans = [...spans];
    this.#dead = [...dead];
  }

  /** All runs, oldest first. */
  get all(): readonly Span[] {
    return this.#spans;
  }

  /** The positions that were put aside. */
  get dead(): readonly number[] {
    return this.#dead;
  }

  /** The newest run. */
  get last(): Span | undefined {
    return this.#spans.at(-1);
  }

  /** Begins a run. One that begins where another one does takes its place. */
  begin(span: Span): void {
    const index = this.#spans.findIndex(({ origin }) => origin >= span.origin);
    if (index === -1) this.#spans.push(span);
    else this.#spans.splice(index, this.#spans[index]!.origin === span.origin ? 1 : 0, span);
  }

  /** The backend has said that it knew nothing of an identity. */
  meet(producer: string): void {
    this.#spans = this.#spans.map((span) => (span.producer === producer ? { ...span, isMet: true } : span));
  }

  /** Puts an event aside. */
  bury(position: number): void {
    const index = firstAtLeast(this.#dead, position);
    if (this.#dead[index] !== position) this.#dead.splice(index, 0, position);
  }

  /** Whether an event was put aside. */
  isDead(position: number): boolean {
    return this.#dead[firstAtLeast(this.#dead, position)] === position;
  }

  /** The place of a position. */
  at(position: number): Place {
    let index = this.#spans.length - 1;
    while (index > 0 && this.#spans[index]!.origin > position) index--;
    const { producer, origin, isMet } = this.#spans[index]!;
    const end = this.#spans[index + 1]?.origin ?? Infinity;
    return { producer, sequence: this.#sequence(origin, position), isMet, end };
  }

  /** How many events up to a position count in the run that holds the position before it. */
  countBefore(position: number): number {
    return position === 0 ? 0 : this.at(position - 1).sequence + (this.isDead(position - 1) ? 0 : 1);
  }

  /** The first position from one on that was not put aside, and the one behind the last that can go together with it. */
  living(from: number, to: number): { readonly from: number; readonly to: number } {
    let start = from;
    let index = firstAtLeast(this.#dead, from);
    while (start < to && this.#dead[index] === start) {
      start++;
      index++;
    }
    return { from: start, to: Math.min(to, this.#dead[index] ?? to) };
  }

  /** Forgets what lies before a position, but for the newest run. */
  forgetBefore(position: number): void {
    while (this.#spans.length > 1 && this.#spans[1]!.origin <= position) this.#spans.shift();
    const first = this.#spans[0]?.origin ?? 0;
    this.#dead.splice(0, firstAtLeast(this.#dead, first));
  }

  #sequence(origin: number, position: number): number {
    return position - origin - (firstAtLeast(this.#dead, position) - firstAtLeast(this.#dead, origin));
  }
}

/** The index of the first number that is not below another one. */
function firstAtLeast(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
