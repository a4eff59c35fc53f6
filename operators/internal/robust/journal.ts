import {
  asyncScheduler,
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  from,
  map,
  Subject,
  switchMap,
  take,
  type Observable,
} from "rxjs";
import { v7 as uuid } from "uuid";
import type { Backend, TopicConfig } from "../../../src/model/backend.ts";
import type { EventBatch } from "../../../src/model/batch.ts";
import type { ComponentSpecs } from "../../../src/model/component.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { answerOf } from "./answerOf.ts";
import { backlogBytesOf, JournalPartition } from "./journalPartition.ts";
import { JournalStore, sender } from "./journalStore.ts";
import { journalVersion, recordBatch, recordsOf, type HeadRecord, type JournalRecord } from "./records.ts";
import { Spans, type Span } from "./spans.ts";

/** What a journal is opened for. */
export interface JournalOptions {
  /** The topic that its events go to. */
  readonly topic: string;
  readonly components: ComponentSpecs;
  /** How many partitions that has. */
  readonly partitions: number;
  /** What the identities of the producer begin with. */
  readonly name: string;
}

/** How far a partition has reached, as a record proves. */
interface Reached {
  readonly partition: number;
  readonly end: number;
}

/** A journal with more than this to be sent is not written anew. */
const compactable = 32 << 10;
const whole = { maxEvents: 8192, maxBytes: 1 << 20 };

/**
 * A journal: a topic of its own in a backend on the local disk. Partition 0 says what the journal is, under which identities
 * its events go, and which were put aside. Partition `p + 1` has the events for partition `p` of the topic that they go to,
 * and a consumer's position says which have been sent; so that is one number, however many they are.
 */
export class Journal {
  readonly partitions: JournalPartition[] = [];
  readonly #store: JournalStore;
  readonly #options: JournalOptions;
  readonly #resumed = new Subject<void>();
  /** One after the other: two that begin at once would make the same partition twice. */
  #growing: Promise<void> = Promise.resolve();
  #appending = 0;
  /** How many appends wait until their partition has been made. */
  #awaiting = 0;
  #marking: Promise<unknown> = Promise.resolve();
  readonly #quiet = new Subject<void>();
  #isPaused = false;
  /** Whether what was sent takes space that could be given back. */
  #spent = 0;

  private constructor(store: JournalStore, options: JournalOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Opens a journal, or makes it. */
  static async open(backend: Backend, options: JournalOptions): Promise<Journal> {
    const store = await JournalStore.open(backend, () => configOf(options.partitions, options.components));
    const journal = new Journal(store, options);
    try {
      await journal.#replay();
      await journal.grow(options.partitions);
      for (const partition of journal.partitions) await journal.#measure(partition);
      return journal;
    } catch (error) {
      store.release();
      throw error;
    }
  }

  /** How many events are to be sent. */
  get count(): number {
    return this.partitions.reduce((sum, { count }) => sum + count, 0);
  }

  /** What they count for. */
  get bytes(): number {
    return this.partitions.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How many events were put aside, as far as the journal remembers. */
  get deadCount(): number {
    return this.partitions.reduce((sum, { spans }) => sum + spans.dead.length, 0);
  }

  /** Stores events, and makes their partition when it is new. Emits the position of the first. */
  append(index: number, batch: EventBatch): Observable<number> {
    return defer(() => {
      if (this.#store.failure !== undefined) throw this.#store.failure;
      if (this.#isPaused)
        return this.#resumed.pipe(
          take(1),
          switchMap(() => this.append(index, batch)),
        );
      this.#appending++;
      // Whoever comes while others wait for their partition waits behind them.
      const partition = this.#awaiting === 0 ? this.partitions[index] : undefined;
      const appended = partition?.append(batch) ?? this.#made(index).pipe(switchMap((made) => made.append(batch)));
      return appended.pipe(
        finalize(() => {
          if (--this.#appending === 0) this.#quiet.next();
        }),
      );
    });
  }

  /** Emits a partition once it has been made. Those who ask are told in the order in which they asked. */
  #made(index: number): Observable<JournalPartition> {
    return defer(() => {
      this.#awaiting++;
      return from(this.grow(index + 1)).pipe(
        map(() => this.partitions[index]!),
        finalize(() => this.#awaiting--),
      );
    });
  }

  /** Notes that everything before a position of a partition has been dealt with. */
  sent({ index }: JournalPartition, position: number, bytes: number): void {
    this.#spent += bytes;
    this.partitions[index]!.sent(position, bytes);
  }

  /** Puts an event aside, for good. Completes when that is stored. */
  bury({ index, spans }: JournalPartition, position: number): Observable<void> {
    return this.#write([{ kind: "dead", partition: index, position }]).pipe(map(() => spans.bury(position)));
  }

  /** Goes on under an identity that nobody has had, from a position on. Completes when that is stored. */
  renew({ index, spans }: JournalPartition, position: number): Observable<void> {
    const span: Span = { producer: this.newIdentity(), origin: position, isMet: true };
    return this.#write([{ kind: "span", partition: index, ...span }]).pipe(map(() => spans.begin(span)));
  }

  /** Notes that the backend knew nothing of an identity. Completes when that is stored. */
  meet({ index, spans }: JournalPartition, producer: string): Observable<void> {
    return this.#write([{ kind: "met", partition: index, producer }]).pipe(map(() => spans.meet(producer)));
  }

  /** Notes how far the journal reaches, so that it can be told when it was cut off. Completes when that is stored. */
  mark(): Observable<unknown> {
    return defer(() => {
      if (this.#isPaused || this.#store.failure !== undefined) return EMPTY;
      const marking = answerOf(this.#write([{ kind: "mark", ends: this.partitions.map(({ end }) => end) }]));
      this.#marking = marking.catch(() => undefined);
      return marking;
    });
  }

  /** An identity that nobody has had. */
  newIdentity(): string {
    return `${this.#options.name}/${uuid()}.0`;
  }

  /** The identity that follows the newest one of a partition: that of the next process that writes to the journal. */
  identityBehind({ spans }: JournalPartition): string | undefined {
    const [, stem, number] = /^(.*)\.(\d+)$/.exec(spans.last?.producer ?? "") ?? [];
    return stem === undefined ? undefined : `${stem}.${Number(number) + 1}`;
  }

  /** Begins a run in each partition that has none without events, before anything is appended. */
  async begin(spanOf: (partition: JournalPartition) => Span): Promise<void> {
    const fresh = this.partitions
      .filter(({ spans, end }) => spans.last === undefined || spans.last.origin < end)
      .map((partition) => ({ partition, span: spanOf(partition) }));
    if (fresh.length === 0) return;
    const records = fresh.map(({ partition: { index }, span }): JournalRecord => ({
      kind: "span",
      partition: index,
      ...span,
    }));
    await answerOf(this.#write(records));
    for (const { partition, span } of fresh) partition.spans.begin(span);
  }

  /** Makes partitions, as many as the topic has that the events go to. */
  grow(count: number): Promise<void> {
    this.#growing = this.#growing.catch(() => undefined).then(() => this.#grow(count));
    return this.#growing;
  }

  async #grow(count: number): Promise<void> {
    const missing = count - (this.#store.topic.partitions.length - 1);
    if (missing > 0) await answerOf(this.#store.topic.addPartitions(missing));
    for (let index = this.partitions.length; index < this.#store.topic.partitions.length - 1; index++) {
      const partition = await this.#openPartition(index, 0, new Spans());
      await answerOf(this.renew(partition, partition.end));
      this.partitions.push(partition); // Nothing is stored in it before it is noted under which identity that goes.
    }
  }

  /** Whether writing it anew would give space back. */
  get isWorthCompacting(): boolean {
    return this.#spent >= compactable && this.bytes <= compactable;
  }

  /** Writes the journal anew with what is left to be sent. Nothing may be read from it meanwhile. */
  async compact(): Promise<void> {
    if (this.#isPaused || this.bytes > compactable || this.#store.failure !== undefined) return;
    this.#isPaused = true;
    try {
      if (this.#appending > 0) await firstValueFrom(this.#quiet);
      await this.#rewrite();
      this.#spent = 0;
    } finally {
      this.#isPaused = false;
      this.#resumed.next();
    }
  }

  /** Waits until it is noted what has been sent, and lets go of the journal. */
  async close(): Promise<void> {
    await this.#marking; // Whoever asked for it may have gone, and it is on its way all the same.
    await Promise.all(this.partitions.map((partition) => answerOf(partition.noted())));
    this.#store.release();
  }

  /** Reads what the journal says of itself. */
  async #replay(): Promise<void> {
    const control = this.#store.topic.partitions[0]!;
    const { end } = await answerOf(control.bounds());
    const records: JournalRecord[] = [];
    for (let at = 0; at < end;) {
      const batch = await answerOf(control.read(at, whole));
      records.push(...recordsOf(batch));
      at = batch.next;
    }
    const head = records[0] ?? (await this.#begin());
    this.#checkHead(head);
    const spans = head.partitions.map((each) => new Spans(each.spans, each.dead));
    for (const record of records) {
      if (record.kind === "span") (spans[record.partition] ??= new Spans()).begin(record);
      if (record.kind === "met") spans[record.partition]?.meet(record.producer);
      if (record.kind === "dead") (spans[record.partition] ??= new Spans()).bury(record.position);
    }
    const reached = records.flatMap(reachedBy);
    for (let index = 0; index < this.#store.topic.partitions.length - 1; index++)
      this.partitions.push(
        await this.#openPartition(index, head.partitions[index]?.base ?? 0, spans[index] ?? new Spans()),
      );
    this.#checkEnds(reached);
  }

  #checkEnds(reached: readonly Reached[]): void {
    for (const { partition, end } of reached) {
      const found = this.partitions[partition]?.end ?? 0;
      if (found >= end) continue;
      throw new SluiceError(
        "ERR_STORAGE",
        `The journal was cut off: partition ${partition} ends at ${found}, and had reached ${end}`,
        { details: { partition, end, found } },
      );
    }
  }

  #checkHead(head: JournalRecord): asserts head is HeadRecord {
    const { topic, components } = this.#options;
    if (head.kind !== "journal") throw new SluiceError("ERR_UNDECODABLE", "The journal does not begin with what it is");
    if (head.version !== journalVersion)
      throw new SluiceError(
        "ERR_UNSUPPORTED",
        `The journal is of version ${head.version}, where ${journalVersion} is known`,
      );
    if (head.topic !== topic)
      throw new RangeError(`The journal must be one for topic "${head.topic}": current value is "${topic}"`);
    if (JSON.stringify(head.serializer) === JSON.stringify(components.serializer)) return;
    throw new SluiceError(
      "ERR_COMPONENT",
      `The journal was written with the serializer ${JSON.stringify(head.serializer)}, and topic "${topic}" has ${JSON.stringify(components.serializer)}`,
      { details: { journal: head.serializer, topic: components.serializer } },
    );
  }

  async #begin(): Promise<HeadRecord> {
    const bounds = await Promise.all(this.#store.topic.partitions.map((partition) => answerOf(partition.bounds())));
    if (bounds.some(({ end }) => end > 0))
      throw new SluiceError("ERR_STORAGE", "The journal has events, and does not say what they are");
    const head = this.#headOf([]);
    await answerOf(this.#write([head]));
    return head;
  }

  #headOf(partitions: HeadRecord["partitions"]): HeadRecord {
    const { topic, components } = this.#options;
    return { kind: "journal", version: journalVersion, topic, serializer: components.serializer, partitions };
  }

  async #openPartition(index: number, base: number, spans: Spans): Promise<JournalPartition> {
    const partition = this.#store.topic.partitions[index + 1]!;
    const { start, end } = await answerOf(partition.bounds());
    const lease = await this.#store.leaseOf(index + 1);
    const opened = new JournalPartition(index, { base, partition, lease }, base + end, spans);
    opened.position = Math.max(opened.position, base + start);
    if (end > 0 && spans.last === undefined)
      throw new SluiceError(
        "ERR_STORAGE",
        `The journal has events for partition ${index}, and not the identity that they go under`,
      );
    if (opened.position > base + start) this.#spent = Infinity; // How much it is, is not known; that it is something, is.
    spans.forgetBefore(opened.position);
    return opened;
  }

  /** Reads how large everything is that is to be sent. */
  async #measure(partition: JournalPartition): Promise<void> {
    for (let at = partition.position; at < partition.end;) {
      const batch = await firstValueFrom(partition.sizes(at, whole));
      partition.oldest ??= batch.timestamps[0];
      partition.found(backlogBytesOf(batch));
      at += batch.count;
    }
  }

  async #rewrite(): Promise<void> {
    const left = await Promise.all(this.partitions.map((partition) => leftOf(partition)));
    const head = this.#headOf(
      this.partitions.map(({ position, spans }) => {
        spans.forgetBefore(position);
        return { base: position, spans: spans.all, dead: spans.dead };
      }),
    );
    await this.#store.replace(this.#config, async (topic) => {
      await answerOf(topic.partitions[0]!.append(recordBatch([head], asyncScheduler.now())));
      for (const [i, batches] of left.entries())
        for (const batch of batches) await answerOf(topic.partitions[i + 1]!.append(batch));
    });
    const { topic } = this.#store;
    for (const [i, partition] of this.partitions.entries()) {
      const lease = await this.#store.leaseOf(i + 1);
      const bytes = left[i]!.reduce((sum, batch) => sum + backlogBytesOf(batch), 0);
      partition.moveTo({ base: partition.position, partition: topic.partitions[i + 1]!, lease }, bytes);
    }
  }

  get #config(): TopicConfig {
    const { partitions, components } = this.#options;
    return configOf(Math.max(partitions, this.partitions.length), components);
  }

  #write(records: readonly JournalRecord[]): Observable<unknown> {
    return defer(() => from(this.#store.topic.partitions[0]!.append(recordBatch(records, asyncScheduler.now()))));
  }
}

function configOf(partitions: number, components: ComponentSpecs): TopicConfig {
  return { partitions: partitions + 1, components, retention: { acknowledgedBy: [sender] } };
}

/** How far the partitions had reached when a record was written. */
function reachedBy(record: JournalRecord): Reached[] {
  if (record.kind === "mark") return record.ends.map((end, partition) => ({ partition, end }));
  if (record.kind === "span") return [{ partition: record.partition, end: record.origin }];
  if (record.kind === "dead") return [{ partition: record.partition, end: record.position + 1 }];
  return [];
}

/** Everything that a partition has to send. */
async function leftOf(partition: JournalPartition): Promise<EventBatch[]> {
  const batches: EventBatch[] = [];
  for (let at = partition.position; at < partition.end;) {
    const { batch } = await firstValueFrom(partition.read(at, whole));
    batches.push(batch);
    at += batch.count;
  }
  return batches;
}
