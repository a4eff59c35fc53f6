import { isSluiceError, type Rejection, type StreamEvent } from "sluice";
import { Meter } from "./meter.ts";
import type { Quake } from "./quake.ts";
import { Strongest, type Shot } from "./strongest.ts";

/** How far the job is, in events. */
export interface Progress {
  readonly total: number;
  /** Events that are stored, were there already, or are rejected. */
  readonly produced: number;
  readonly stored: number;
  readonly handled: number;
}

/** Events that broke one rule of the schema. */
export interface BrokenRule {
  readonly path: string;
  readonly rule: string;
  /** The place and the value of the first of them. */
  readonly example: { readonly place: string; readonly value: unknown };
  count: number;
}

/** Counts what the job does, and tells how far it is. */
export class Tally {
  readonly meter: Meter;
  /** Events that were read. */
  read = 0;
  /** Events that an earlier run had stored. */
  skipped = 0;
  stored = 0;
  rejected = 0;
  handled = 0;
  /** Handled events of which data was moved. */
  selected = 0;
  storingSeconds = 0;
  handlingSeconds = 0;
  readonly #strongest = new Strongest(4);
  readonly #rules = new Map<string, BrokenRule>();
  readonly #start = performance.now();
  readonly #total: number;
  readonly #tell: (progress: Progress) => void;

  constructor(total: number, partitions: number, tell: (progress: Progress) => void) {
    this.meter = new Meter(partitions);
    this.#total = total;
    this.#tell = tell;
  }

  /** The rules that were broken, the one that was broken most often first. */
  get rules(): readonly BrokenRule[] {
    return [...this.#rules.values()].toSorted((a, b) => b.count - a.count);
  }

  /** The strongest earthquakes of those that were handled. */
  get strongest(): readonly Shot[] {
    return this.#strongest.shots;
  }

  /** Some events were read, and some of them are not stored yet. */
  count(read: number, fresh: number): void {
    this.read += read;
    this.skipped += read - fresh;
    this.#changed();
  }

  store(): void {
    this.stored++;
    this.#changed();
  }

  reject({ metadata, error }: Rejection<Quake>): void {
    // Anything else than a broken rule is a mistake in this program, so it must not pass for one.
    if (!isSluiceError(error, "ERR_INVALID_METADATA")) throw error;
    const { path, rule } = error.details as { path: string; rule: string };
    const broken = this.#rules.get(path + rule) ?? { path, rule, example: exampleOf(metadata, path), count: 0 };
    broken.count++;
    this.#rules.set(path + rule, broken);
    this.rejected++;
    this.#changed();
  }

  handle(event: StreamEvent<Quake>): void {
    this.handled++;
    if (event.data.size > 0) {
      this.selected++;
      this.#strongest.offer({ quake: event.metadata, pixels: event.data.toUint8Array() });
    }
    this.#changed();
  }

  /** Everything is stored. */
  endStoring(): void {
    this.storingSeconds = this.#seconds;
  }

  /** Everything is handled. */
  endHandling(): void {
    this.handlingSeconds = this.#seconds;
  }

  get #seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  #changed(): void {
    const { skipped, stored, rejected, handled } = this;
    this.#tell({ total: this.#total, produced: skipped + stored + rejected, stored, handled });
  }
}

/** The schema is flat, so the path of a value is its name behind a slash. */
function exampleOf(quake: Quake, path: string): BrokenRule["example"] {
  return { place: quake.place, value: quake[path.slice(1) as keyof Quake] };
}
