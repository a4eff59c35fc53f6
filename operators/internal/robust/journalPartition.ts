import {
  concat,
  defer,
  EMPTY,
  ignoreElements,
  map,
  mergeMap,
  of,
  Subject,
  Subscription,
  take,
  tap,
  type Observable,
} from "rxjs";
import type { BackendPartition, Lease, ReadLimits } from "../../../src/model/backend.ts";
import { dataSizeAt, dataSizeOf, idAt, type EventBatch, type StoredBatch } from "../../../src/model/batch.ts";
import { cutBatch } from "../../../src/model/cutBatch.ts";
import { joinBatches } from "../../../src/model/joinBatches.ts";
import { innerFrom } from "../innerFrom.ts";
import type { Spans } from "./spans.ts";

/** Events of a journal on their way to the backend, in the form that it takes, but for their producer. */
export interface JournalBatch {
  /** The position of the first event. */
  readonly position: number;
  readonly batch: EventBatch;
}

/** Where the events of a partition are kept: this changes when the journal is written anew. */
export interface Place {
  /** The position of the event with the id 0. */
  readonly base: number;
  readonly partition: BackendPartition;
  readonly lease: Lease;
}

/** About what an event takes in the journal beside its metadata and data. */
const overhead = 24;

/** How many bytes a batch counts for in the backlog. */
export function backlogBytesOf(batch: Pick<EventBatch, "count" | "metadata" | "dataEnds">): number {
  return overhead * batch.count + batch.metadata.length + dataSizeOf(batch);
}

/**
 * The events of one partition that are to be sent, in the order in which they were accepted. Positions count them for as
 * long as the journal lives: they outlive compactions and are never given twice.
 */
export class JournalPartition {
  readonly index: number;
  readonly spans: Spans;
  /** Errors of noting what was sent. Nothing is lost by them: after a restart it is sent again, and known again. */
  readonly failures = new Subject<unknown>();
  /** The position of the next event that is to be sent. */
  position: number;
  /** The position behind the last event that is in the journal. */
  end: number;
  /** When about the oldest of them was pushed. */
  oldest: number | undefined;
  /** Below 0 for a moment, when events are sent before the journal has answered that it has them. */
  #bytes = 0;
  #place: Place;
  /** The position that is noted in the journal, and what is on its way there. */
  #noted: number;
  #note: Subscription | undefined;
  readonly #quiet = new Subject<void>();

  /** @param end - The position behind its last event. */
  constructor(index: number, place: Place, end: number, spans: Spans) {
    this.index = index;
    this.#place = place;
    this.spans = spans;
    this.end = end;
    this.position = Math.min(end, place.base + (place.lease.position ?? 0));
    this.#noted = this.position;
  }

  /** How many events are to be sent. */
  get count(): number {
    return Math.max(0, this.end - this.position);
  }

  /** What they count for. */
  get bytes(): number {
    return Math.max(0, this.#bytes);
  }

  /** Counts what is there when the journal is opened. */
  found(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Where the events are kept now. */
  get place(): Place {
    return this.#place;
  }

  /** Goes on in another place, which has everything from the position on. @param bytes - What that counts for. */
  moveTo(place: Place, bytes: number): void {
    this.#note?.unsubscribe(); // The place that it is for has gone, and it may never be answered.
    this.#note = undefined;
    this.#quiet.next();
    this.#place = place;
    this.#noted = this.position;
    this.#bytes = bytes;
  }

  /** Stores events. Emits the position of the first one. */
  append(batch: EventBatch): Observable<number> {
    const { partition, base } = this.#place;
    return innerFrom(partition.append(batch)).pipe(
      map((appended) => {
        if (this.count === 0) this.oldest = batch.timestamps[0];
        this.end = Math.max(this.end, base + idAt(appended, batch.count - 1) + 1);
        this.#bytes += backlogBytesOf(batch);
        return base + appended.firstId;
      }),
    );
  }

  /** Emits the next events that are to be sent, as soon as there are any. They go under one identity, without a gap. */
  next(limits: ReadLimits): Observable<JournalBatch> {
    return defer(() => {
      while (this.spans.isDead(this.position)) this.sent(this.position + 1, 0);
      const { position } = this;
      const { to } = this.spans.living(position, Math.min(position + limits.maxEvents, this.spans.at(position).end));
      return this.read(position, { maxEvents: to - position, maxBytes: limits.maxBytes }).pipe(
        tap(({ batch }) => (this.oldest = batch.timestamps[0])),
      );
    });
  }

  /**
   * Emits events from a position on, as soon as there are any. What is read is in the journal, also where whoever pushed it
   * was told that it could not be stored: it may be sent, so its position is never given to another event.
   */
  read(position: number, limits: ReadLimits): Observable<JournalBatch> {
    return this.#gather([], position - this.#place.base, limits).pipe(
      map((stored) => withinBytes(stored, limits.maxBytes)),
      tap((stored) => (this.end = Math.max(this.end, position + stored.count))),
      mergeMap((stored) =>
        this.#dataOf(stored).pipe(
          map((data) => ({ position: this.#place.base + stored.firstId, batch: eventBatch(stored, data) })),
        ),
      ),
    );
  }

  /** Emits the sizes of what is stored from a position on, without its data. */
  sizes(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return defer(() => innerFrom(this.#place.partition.read(position - this.#place.base, limits)));
  }

  /** Notes that everything before a position has been dealt with. Nobody waits for it: a kill before it costs a second sending. */
  sent(position: number, bytes: number): void {
    this.position = position;
    this.#bytes -= bytes;
    if (this.count === 0) this.oldest = undefined;
    this.#noteSent();
  }

  /** Completes when the journal says what has been sent. What could not be noted is tried once more. */
  noted(): Observable<never> {
    const again = defer(() => {
      this.#noteSent();
      return this.#noteAnswered();
    });
    return concat(this.#noteAnswered(), again);
  }

  #noteAnswered(): Observable<never> {
    return defer(() => (this.#note === undefined ? EMPTY : this.#quiet.pipe(take(1), ignoreElements())));
  }

  /** Notes the position, one note at a time. What is sent meanwhile goes with the next one. */
  #noteSent(): void {
    if (this.#note !== undefined || this.#noted >= this.position) return;
    const { position } = this;
    const note = new Subscription();
    this.#note = note;
    note.add(
      innerFrom(this.#place.lease.acknowledge(position - this.#place.base)).subscribe({
        error: (error: unknown) => {
          this.#note = undefined;
          this.failures.next(error);
          this.#quiet.next();
        },
        complete: () => {
          this.#note = undefined;
          this.#noted = Math.max(this.#noted, position);
          this.#noteSent();
          if (this.#note === undefined) this.#quiet.next();
        },
      }),
    );
  }

  /** Reads until the limits are reached or there is nothing more: what was accepted one by one is sent together. */
  #gather(parts: readonly StoredBatch[], from: number, limits: ReadLimits): Observable<StoredBatch> {
    return innerFrom(this.#place.partition.read(from, limits)).pipe(
      mergeMap((part) => {
        const all = [...parts, part];
        const maxEvents = limits.maxEvents - part.count;
        const maxBytes = limits.maxBytes - part.metadata.length - dataSizeOf(part);
        const isLast = maxEvents <= 0 || maxBytes <= 0 || this.#place.base + part.next >= this.end;
        return isLast ? of(joinBatches(all)) : this.#gather(all, part.next, { maxEvents, maxBytes });
      }),
    );
  }

  #dataOf(stored: StoredBatch): Observable<readonly Uint8Array[]> {
    const reads = [];
    for (let i = 0; i < stored.count && stored.dataEnds !== undefined; i++) {
      const size = dataSizeAt(stored, i);
      if (size === 0) continue;
      reads.push({ id: idAt(stored, i), location: stored.locations?.[i], ranges: new Float64Array([0, size]) });
    }
    if (reads.length === 0) return of([]);
    return innerFrom(this.#place.partition.fetch(reads)).pipe(map((answers) => answers.flat()));
  }
}

/** The first events of a batch, as many as fit with their data; at least one. */
function withinBytes(stored: StoredBatch, maxBytes: number): StoredBatch {
  const { dataEnds, metadataEnds, count } = stored;
  if (dataEnds === undefined || dataSizeOf(stored) + stored.metadata.length <= maxBytes) return stored;
  let fitting = 1;
  while (fitting < count && dataEnds[fitting]! + metadataEnds[fitting]! <= maxBytes) fitting++;
  return cutBatch(stored, stored.firstId, { maxEvents: fitting, maxBytes: Infinity });
}

function eventBatch(stored: StoredBatch, data: readonly Uint8Array[]): EventBatch {
  const { count, metadata, metadataEnds, timestamps } = stored;
  return { count, metadata, metadataEnds, timestamps, data, dataEnds: data.length === 0 ? undefined : stored.dataEnds };
}
