import { dataSizeOf, type Appended, type EventBatch } from "../../src/model/batch.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";
import { ProducerHistory, type StoreFrom, type Verdict } from "../../src/model/producerHistory.ts";
import { sliceBatch } from "../../src/model/sliceBatch.ts";
import type { ChunkStore } from "./chunkStore.ts";
import { protocolError } from "./client/kafkaError.ts";
import type { Apart, Layout } from "./layouts/layout.ts";
import { sequenceText } from "./layouts/sluice.ts";
import { LastingProducer } from "./lastingProducer.ts";
import type { ProducerMark } from "./producerMarks.ts";
import type { BatchEncoder } from "./records/encodeBatch.ts";
import { RecordParts } from "./records/recordParts.ts";
import { DataWalker } from "./records/slices.ts";
import type { Claims } from "./store/claims.ts";
import { pause } from "./pause.ts";
import { PlaceTaken, type BatchSink } from "./recordSink.ts";

/** What an appender needs of its partition. */
export interface AppenderHost {
  readonly partition: number;
  readonly layout: Layout;
  readonly sink: BatchSink;
  readonly chunks: ChunkStore;
  readonly claims: Claims;
  /** Data up to this many bytes goes into the record. */
  readonly inlineBytes: number;
  /** Data of more bytes than this goes into the data store. */
  readonly storeBytes: number;
  /** Bytes of a batch that the topic takes. */
  readonly maxBatchBytes: number;
  /** Milliseconds that it may take to store the data of a batch: what takes longer may have lost its first chunks to retention. */
  readonly storeWithin: number;
  /** Milliseconds for which it is looked for what became of a batch, before the one that repeats it fails. */
  readonly deliveryTimeout: number;
  /** Tells of the batches of named producers from an offset on, or of those at the end of the partition. */
  readonly readMarked: (from: number | "tail", tell: (batch: TailBatch) => void) => Promise<MarkedRead>;
  /** Where the partition ends. */
  readonly end: () => Promise<number>;
  /** The mark of a producer in this partition. */
  readonly mark: (producer: string) => Promise<ProducerMark | undefined>;
  /** Stores it. */
  readonly putMark: (producer: string, mark: ProducerMark) => Promise<void>;
  /** Whether the topic is sealed. */
  readonly isSealed: () => Promise<boolean>;
}

/** A batch of a named producer, as the end of the partition shows it. */
export interface TailBatch {
  readonly id: string;
  readonly sequence: number;
  readonly count: number;
  readonly firstId: number;
}

/** A batch of records, as a part of a batch of events. */
interface Part {
  /** The index of its first event. */
  readonly first: number;
  readonly count: number;
  readonly offset: Promise<number>;
}

/** What was read of the batches of named producers. */
export interface MarkedRead {
  /** Whether they are all that there are. */
  readonly extent: "all" | "some";
  /** Up to which offset. */
  readonly end: number;
}

/** Milliseconds until a batch is looked for again of which nobody knows what became. */
const lookAgain = 100;
/** Bytes that a record takes beside metadata and data, roughly; the encoder grows where it is more. */
const perRecord = 48;

/** Stores the batches of one partition, in the order in which they come, each once. */
export class Appender {
  readonly #host: AppenderHost;
  readonly #history = new ProducerHistory();
  readonly #known = new Set<string>();
  /** Producers that outlive their process: those that asked how far they have come. One of which nothing is known is met again. */
  readonly #lasting = new Map<string, LastingProducer | undefined>();
  /** Producers whose last events may or may not be stored, or may be yet; and the sequence number of the first of those. */
  readonly #doubtful = new Map<string, number>();
  readonly #parts = new RecordParts();
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: AppenderHost) {
    this.#host = host;
  }

  /** Stores a batch behind all that were given before it. */
  append(batch: EventBatch): Promise<Appended> {
    return this.#afterAll(() => this.#append(batch));
  }

  /** The sequence number that the next event of a producer must have. From now on it is written down how far it comes. */
  nextSequence(producer: string): Promise<number> {
    return this.#afterAll(async () => {
      if (this.#lasting.get(producer) === undefined) await this.#meet(producer);
      return this.#history.next(producer);
    });
  }

  /** Writes down how far the producers have come. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#last]);
    await Promise.all([...this.#lasting.values()].map(async (producer) => producer?.close()));
  }

  #afterAll<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const done = (async () => {
      await Promise.allSettled([before]);
      return work();
    })();
    this.#last = done;
    return done;
  }

  async #append(batch: EventBatch): Promise<Appended> {
    const verdict = await this.#judge(batch);
    if (verdict.store === "nothing") return verdict.answer;
    const { producer } = batch;
    const lasting = producer && this.#lasting.get(producer.id);
    const store = async () => {
      const answer = await this.#storeOnce(batch, verdict);
      const last = answer.ids?.at(-1) ?? answer.firstId + batch.count - 1;
      return { answer, next: producer === undefined ? 0 : producer.sequence + batch.count, end: last + 1 };
    };
    try {
      return lasting === undefined ? (await store()).answer : await lasting.store(store);
    } catch (error) {
      // Nobody knows what was stored of it: that is looked up when the producer comes again.
      if (producer !== undefined) this.#known.delete(producer.id);
      if (lasting !== undefined) this.#lasting.set(producer!.id, undefined);
      throw await this.#explain(error);
    }
  }

  /**
   * Stores what is new of a batch. Where the same was sent before and nobody knows what became of it, the brokers store one of the
   * two; when it is the first one, that is found in the partition as soon as it has reached all replicas.
   */
  async #storeOnce(batch: EventBatch, first: StoreFrom): Promise<Appended> {
    const { producer } = batch;
    const until = Date.now() + this.#host.deliveryTimeout;
    const isDoubtful = producer !== undefined && this.#doubtful.has(producer.id);
    for (let verdict: Verdict = first; ;) {
      if (verdict.store === "nothing") return verdict.answer;
      try {
        const ids = await this.#store(sliceBatch(batch, verdict.index), isDoubtful ? "tell" : "store");
        this.#doubtful.clear(); // What was in doubt is stored no more.
        const answer = answerOf(this.#idsBefore(batch, verdict.index), ids);
        this.#history.remember(batch, answer);
        return answer;
      } catch (error) {
        if (!(error instanceof PlaceTaken)) throw error;
        if (Date.now() > until) throw inDoubt(error);
      }
      await pause(lookAgain);
      await this.#lookFor(producer!.id, "tail");
      verdict = this.#history.judge(batch);
    }
  }

  async #judge(batch: EventBatch): Promise<Verdict> {
    const { producer } = batch;
    if (producer === undefined) return { store: "from", index: 0 };
    if (this.#lasting.has(producer.id) && !this.#known.has(producer.id)) await this.#meet(producer.id);
    if (this.#known.has(producer.id)) return this.#history.judge(batch);
    // The first batch of this producer here: another process may have sent it, or sent what comes before it.
    const { extent } = await this.#lookFor(producer.id, "tail");
    try {
      return this.#history.judge(batch);
    } catch (error) {
      // What came before it may lie so far back that nobody has looked there.
      if (extent === "some" && isSluiceError(error, "ERR_OUT_OF_SEQUENCE")) return { store: "from", index: 0 };
      throw error;
    } finally {
      this.#known.add(producer.id);
    }
  }

  /** Finds out how far a producer has come that outlives its process. */
  async #meet(id: string): Promise<void> {
    const mark = await this.#host.mark(id);
    if (mark !== undefined) {
      this.#history.remember({ producer: { id, sequence: mark.next }, count: 0 } as EventBatch, { firstId: -1 });
    }
    const isClosed = mark?.state === "closed";
    const end = isClosed ? mark.offset : (await this.#lookFor(id, mark?.offset ?? "tail")).end;
    this.#known.add(id);
    const host = { put: (next: ProducerMark) => this.#host.putMark(id, next), end: this.#host.end };
    this.#lasting.set(id, new LastingProducer(this.#history.next(id), end, host));
  }

  /** Reads what a producer has stored, as far as that is to be seen. */
  async #lookFor(producer: string, from: number | "tail"): Promise<MarkedRead> {
    const read = await this.#host.readMarked(from, ({ id, sequence, count, firstId }) => {
      if (id === producer) this.#history.remember({ producer: { id, sequence }, count } as EventBatch, { firstId });
    });
    if (this.#history.next(producer) > (this.#doubtful.get(producer) ?? Infinity)) {
      this.#doubtful.clear(); // What was in doubt is stored.
      this.#host.sink.renew?.();
    }
    return read;
  }

  /** The ids of the first events of a batch, which had been stored before. */
  #idsBefore(batch: EventBatch, count: number): Float64Array {
    if (count === 0) return new Float64Array(0);
    const verdict = this.#history.judge({ ...batch, count });
    return verdict.store === "nothing" ? verdict.answer.ids! : new Float64Array(count).fill(-1);
  }

  /** Stores the events and answers with their offsets. A batch that is larger than the topic takes goes in several. */
  async #store(batch: EventBatch, whenTaken: "store" | "tell"): Promise<Float64Array> {
    const { layout, sink, maxBatchBytes, storeWithin } = this.#host;
    const begun = Date.now();
    const apart = layout.notes === "kept" ? await this.#storeApart(batch) : undefined;
    if (Date.now() - begun > storeWithin) {
      if (apart !== undefined) await this.#discard(apart);
      throw new SluiceError(
        "ERR_STORAGE",
        `The data of a batch took ${Date.now() - begun} ms to be stored: it is sent again`,
      );
    }
    const data = new DataWalker(batch);
    const sent: Part[] = [];
    let encoder: BatchEncoder | undefined;
    let first = 0;
    const send = () => {
      if (encoder === undefined) return;
      // What follows a part that failed must not be stored: it would look as if all in front of it were.
      const offset = sink.send(encoder, { needs: sent.at(-1)?.offset, whenTaken });
      sent.push({ first, count: encoder.count, offset });
      encoder = undefined;
    };
    for (let index = 0; index < batch.count; index++) {
      const parts = this.#parts;
      parts.clear();
      layout.write(parts, {
        batch,
        index,
        data,
        apart: apart?.get(index),
        sequence: sequenceAt(batch, index, encoder),
      });
      if (encoder !== undefined && encoder.length + sizeHint(parts) > maxBatchBytes) {
        send();
        parts.clear();
        const again = new DataWalker(batch); // The first record of a batch says more, so it is written once more.
        layout.write(parts, {
          batch,
          index,
          data: again,
          apart: apart?.get(index),
          sequence: sequenceAt(batch, index),
        });
      }
      if (encoder === undefined) {
        encoder = sink.newBatch(Math.min(maxBatchBytes, this.#sizeOf(batch)));
        first = index;
      }
      encoder.add(batch.timestamps[index]!, parts);
    }
    send();
    const ids = new Float64Array(batch.count);
    const offsets = await this.#settle(batch, sent);
    for (const [i, offset] of offsets.entries()) {
      const { first: from, count } = sent[i]!;
      for (let k = 0; k < count; k++) ids[from + k] = offset + k;
    }
    return ids;
  }

  /** Waits for the parts of a batch, and notes from where on it is in doubt. */
  async #settle({ producer }: EventBatch, sent: readonly Part[]): Promise<number[]> {
    const results = await Promise.allSettled(sent.map(({ offset }) => offset));
    const offsets: number[] = [];
    for (const [i, result] of results.entries()) {
      if (result.status === "fulfilled") offsets.push(result.value);
      else {
        if (producer !== undefined) this.#doubtful.set(producer.id, producer.sequence + sent[i]!.first);
        throw result.reason as Error;
      }
    }
    return offsets;
  }

  #sizeOf(batch: EventBatch): number {
    return batch.metadata.length + dataSizeOf(batch) + perRecord * batch.count;
  }

  /** Stores what is too large for a record, before the record that refers to it. */
  async #storeApart(batch: EventBatch): Promise<ReadonlyMap<number, Apart> | undefined> {
    if (batch.dataEnds === undefined) return undefined;
    const { inlineBytes, storeBytes, chunks, claims, partition } = this.#host;
    const stored = new Map<number, Apart>();
    const data = new DataWalker(batch);
    for (let index = 0; index < batch.count; index++) {
      const size = data.sizeAt(index);
      if (size <= inlineBytes) continue;
      const where = size > storeBytes ? "store" : "chunks";
      try {
        const text =
          where === "store"
            ? await claims.store(batch, data, index, partition)
            : await chunks.store(batch, data, index);
        stored.set(index, { where, text });
      } catch (error) {
        await this.#discard(stored); // No record refers to it.
        throw error;
      }
    }
    return stored.size === 0 ? undefined : stored;
  }

  async #discard(stored: ReadonlyMap<number, Apart>): Promise<void> {
    const inStore = [...stored.values()].filter(({ where }) => where === "store");
    await Promise.all(inStore.map(({ text }) => this.#host.claims.remove(text)));
  }

  async #explain(error: unknown): Promise<unknown> {
    if (!isSluiceError(error) || error.details["kafka"] !== protocolError.messageTooLarge) return error;
    const { partition, isSealed } = this.#host;
    if (!(await isSealed())) return error;
    return topicSealed(partition, error);
  }
}

function inDoubt(cause: PlaceTaken): SluiceError {
  const problem = "A batch may have been stored: an earlier attempt has reached a broker, and is not to be seen yet";
  return new SluiceError("ERR_STORAGE", problem, { cause, details: { outcome: "unknown" } });
}

/** The error of an append to a topic that takes no more. */
export function topicSealed(partition: number, cause?: unknown): SluiceError {
  const problem = `Partition ${partition} takes no more events: the topic is sealed`;
  return new SluiceError("ERR_TOPIC_SEALED", problem, { cause });
}

function sequenceAt({ producer }: EventBatch, index: number, encoder?: BatchEncoder): string | undefined {
  if (producer === undefined || encoder !== undefined) return undefined;
  return sequenceText(producer.id, producer.sequence + index);
}

function sizeHint(parts: RecordParts): number {
  let size = perRecord + parts.value.length + (parts.key?.length ?? 0);
  for (let i = 0; i < parts.headerCount; i++) size += 8 + parts.headerName(i).length + parts.headerValue(i).length;
  return size;
}

function answerOf(before: Float64Array, stored: Float64Array): Appended {
  const ids = new Float64Array(before.length + stored.length);
  ids.set(before);
  ids.set(stored, before.length);
  const isContiguous = ids.every((id, i) => id === ids[0]! + i);
  return isContiguous ? { firstId: ids[0]! } : { firstId: ids[0]!, ids };
}
