import { Observable } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../src/model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../../src/model/batch.ts";
import { SluiceError } from "../../src/model/errors.ts";
import type { PartitionBounds } from "../../src/model/partition.ts";
import { copyInto, selectBytes } from "../../src/model/selectBytes.ts";
import type { Appender, MarkedRead, TailBatch } from "./appender.ts";
import type { ChunkStore } from "./chunkStore.ts";
import type { Fetched } from "./client/client.ts";
import { KafkaError, protocolError } from "./client/kafkaError.ts";
import { asUserError, type KafkaCluster, type TopicRef } from "./cluster.ts";
import type { Fetcher } from "./fetcher.ts";
import { IncomingEvent, type Layout } from "./layouts/layout.ts";
import { sequenceOf } from "./layouts/sluice.ts";
import { findBatches, readRecords, type FoundBatch } from "./records/decodeBatches.ts";
import { chunksAt, claimAt, InlineData, parseChunks } from "./records/location.ts";
import type { BatchSize } from "./sizedRetention.ts";
import type { Claims } from "./store/claims.ts";
import { FetchSize } from "./records/fetchSize.ts";
import { FetchedBatches } from "./records/readFetched.ts";
import { RecordView } from "./records/recordParts.ts";

/** What a partition needs of its topic. */
export interface PartitionHost {
  readonly cluster: KafkaCluster;
  readonly fetcher: Fetcher;
  readonly topic: TopicRef;
  readonly layout: Layout;
  readonly chunks: ChunkStore;
  readonly claims: Claims;
  /** Bytes of one fetch. */
  readonly fetchBytes: number;
  /** How many events at the end are looked at for the batches of a producer that is new here. */
  readonly tailEvents: number;
  /** Called in front of every delivery, so that nobody is given what is no longer theirs. */
  readonly beforeDelivery: () => void;
  readonly makeAppender: (partition: KafkaPartition) => Appender;
  /** Whether the topic is sealed, looked up at most every now and then. */
  readonly isSealed: (how: "now" | "lately") => Promise<boolean>;
}

/** How many readers of one partition keep the rest of what they fetched. */
const maxRests = 8;
/** Milliseconds for which something is fetched that nobody has asked for, and kept until somebody does. */
const aheadPatience = 5000;
const [endTime, startTime] = [-1, -2];

/** One partition of a topic of Kafka. Ids are offsets. */
export class KafkaPartition implements BackendPartition {
  readonly index: number;
  readonly nextSequence?: (producer: string) => Observable<number>;
  readonly #host: PartitionHost;
  readonly #appender: Appender;
  readonly #fetchSize: FetchSize;
  /** What was fetched and not been asked for yet, by the position that it goes on at. */
  readonly #rests = new Map<number, FetchedBatches>();
  /** What is being fetched before somebody asks for it, by its position. */
  readonly #ahead = new Map<
    number,
    { readonly fetched: Promise<Fetched | undefined>; readonly timer: NodeJS.Timeout }
  >();

  constructor(index: number, host: PartitionHost) {
    this.index = index;
    this.#host = host;
    this.#fetchSize = new FetchSize(host.fetchBytes);
    this.#appender = host.makeAppender(this);
    // A layout that has no room for sequences cannot say how far they have come.
    if (host.layout.notes === "none") return;
    this.nextSequence = (producer) => this.#answer("look up a producer", () => this.#appender.nextSequence(producer));
  }

  /** Stores what its producers have come to, so that the next process need not look for it. */
  settle(): Promise<void> {
    return this.#appender.settle();
  }

  append(batch: EventBatch): Observable<Appended> {
    return this.#answer("store a batch", () => this.#appender.append(batch));
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#answer("read", (signal) => this.#read(position, limits, signal));
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#answer("fetch data", (signal) => Promise.all(reads.map((read) => this.#data(read, signal))));
  }

  bounds(): Observable<PartitionBounds> {
    return this.#answer("look at the bounds", async () => {
      // The seal is looked up first: what is sealed after that may still grow, and says so the next time.
      const sealed = await this.#host.isSealed("now");
      const [start, end] = await Promise.all([this.#offsetAt(startTime), this.#offsetAt(endTime)]);
      return { start, end, sealed };
    });
  }

  find(time: number): Observable<number> {
    return this.#answer("find a position by time", async () => {
      const found = await this.#offsetAt(Math.max(0, Math.ceil(time)));
      return found < 0 ? this.#offsetAt(endTime) : found;
    });
  }

  /**
   * Tells of the batches of named producers from an offset on, or among the last events, oldest first. Those that stand behind
   * the transactions of others are among them.
   */
  async readMarked(from: number | "tail", tell: (batch: TailBatch) => void): Promise<MarkedRead> {
    const { tailEvents } = this.#host;
    const [start, end] = await Promise.all([this.#offsetAt(startTime), this.end()]);
    const first = Math.max(start, from === "tail" ? end - tailEvents : from);
    const view = new RecordView();
    await this.#scan(first, end, (batch, plain) => {
      if (batch.isTransactional) return;
      readRecords({ ...batch, count: Math.min(1, batch.count) }, plain, view, (record) => {
        const place = sequenceOf(record);
        if (place !== undefined) tell({ ...place, count: batch.count, firstId: record.offset });
      });
    });
    return { extent: first > start ? "some" : "all", end };
  }

  /** Tells what each batch takes from an offset on, with those of transactions that are open. */
  async readSizes(from: number, tell: (size: BatchSize) => void): Promise<void> {
    const view = new RecordView();
    const event = new IncomingEvent();
    await this.#scan(from, await this.end(), (batch, plain) => {
      let [bytes, firstChunk] = [batch.records.length, Infinity];
      readRecords(batch, plain, view, (record) => {
        this.#host.layout.read(record, event);
        const chunks = event.apart?.where === "chunks" ? parseChunks(event.apart.text) : undefined;
        if (chunks === undefined) return;
        bytes += chunks.size;
        firstChunk = Math.min(firstChunk, ...chunks.runs.map(([first]) => first));
      });
      tell({ next: batch.next, bytes, firstChunk });
    });
  }

  /** Reads the batches between two offsets, oldest first. Those that stand behind the open transactions of others are among them. */
  async #scan(from: number, end: number, visit: (batch: FoundBatch, plain: Uint8Array) => void): Promise<void> {
    const { cluster, topic } = this.#host;
    for (let position = from; position < end;) {
      const wish = { topicId: topic.id, partition: this.index, offset: position, maxBytes: 4 << 20 };
      const { records, start } = await cluster.onLeader(topic, this.index, async ({ node }) => {
        const request = {
          partitions: [wish],
          maxWait: 100,
          maxBytes: wish.maxBytes,
          isolation: "uncommitted",
        } as const;
        const [fetched] = await cluster.client.fetch({ node, lane: "marks" }, request);
        if (fetched!.error !== 0 && fetched!.error !== protocolError.offsetOutOfRange) {
          throw new KafkaError(`The broker refused to fetch with error ${fetched!.error}`, fetched!.error);
        }
        return fetched!;
      });
      position = Math.max(position, start);
      for (const batch of findBatches(records, (bytes) => cluster.client.crc32c(bytes))) {
        position = batch.next;
        if (!batch.isControl) visit(batch, await this.#plain(batch.compression, batch.records));
      }
    }
  }

  /** Whether a transaction has written here that is not decided. */
  async hasOpenTransaction(): Promise<boolean> {
    const end = await this.end();
    return (await this.#offsetAt(endTime)) < end;
  }

  /** Where the partition ends, with what belongs to transactions that are open. */
  end(): Promise<number> {
    const { cluster, topic } = this.#host;
    return cluster.onLeader(topic, this.index, (to) =>
      cluster.client.offsetAt(to, topic.name, this.index, endTime, "uncommitted"),
    );
  }

  async #read(position: number, limits: ReadLimits, signal: AbortSignal): Promise<StoredBatch | undefined> {
    let rest = this.#rests.get(position);
    this.#rests.delete(position);
    for (let at = position; ;) {
      const piece = await rest?.next(limits);
      if (piece !== undefined) {
        if (!rest!.isEmpty && !signal.aborted) this.#keep(rest!);
        return piece;
      }
      const fetched = (await this.#takeAhead(at)) ?? (await this.#fetch(at, this.#fetchSize.bytes, signal));
      if (fetched.error === protocolError.offsetOutOfRange) {
        at = await this.#backInRange(at);
        rest = undefined;
        continue;
      }
      rest = new FetchedBatches(this.#host.cluster.client, this.#host.layout, fetched, at);
      this.#fetchSize.note(fetched.records, rest.wholeBytes);
      if (rest.end > at && rest.end < fetched.lastStableOffset && !signal.aborted) this.#fetchAhead(rest.end);
      const isAtEnd = fetched.records.length === 0 && at >= fetched.lastStableOffset;
      if (isAtEnd && (await this.#host.isSealed("lately"))) return undefined;
    }
  }

  #keep(rest: FetchedBatches): void {
    this.#rests.set(rest.position, rest);
    if (this.#rests.size > maxRests) this.#rests.delete(this.#rests.keys().next().value!);
  }

  /** Fetches what whoever reads here will ask for next, while they are busy with what they have. */
  #fetchAhead(position: number): void {
    void this.#takeAhead(position);
    const fetching = this.#fetch(position, this.#fetchSize.bytes, this.#host.topic.gone.signal, aheadPatience);
    this.#ahead.set(position, {
      fetched: fetching.catch(() => undefined), // Whoever comes to it fetches for themselves, and hears of what is wrong.
      timer: setTimeout(() => this.#ahead.delete(position), aheadPatience).unref(),
    });
  }

  #takeAhead(position: number): Promise<Fetched | undefined> | undefined {
    const ahead = this.#ahead.get(position);
    clearTimeout(ahead?.timer);
    this.#ahead.delete(position);
    return ahead?.fetched;
  }

  /** A position below the start reads from the start; one behind the end waits there. */
  async #backInRange(position: number): Promise<number> {
    const start = await this.#offsetAt(startTime);
    return position < start ? start : Math.max(start, await this.#offsetAt(endTime));
  }

  #fetch(offset: number, maxBytes: number, signal: AbortSignal, timeout = Infinity): Promise<Fetched> {
    const { cluster, fetcher, topic } = this.#host;
    const wish = { topicId: topic.id, partition: this.index, offset, maxBytes };
    return cluster.onLeader(
      topic,
      this.index,
      async ({ node }) => {
        const fetched = await fetcher.fetch(node, wish, signal);
        if (fetched.error !== 0 && fetched.error !== protocolError.offsetOutOfRange) {
          throw new KafkaError(`The broker refused to fetch with error ${fetched.error}`, fetched.error);
        }
        return fetched;
      },
      timeout,
    );
  }

  async #data(read: DataRead, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const { location, ranges, into, id } = read;
    const chunks = chunksAt(location);
    if (chunks !== undefined) return this.#host.chunks.fetch(chunks, ranges, into, signal);
    const claim = claimAt(location);
    if (claim !== undefined) return this.#host.claims.fetch(claim, ranges, into, signal);
    const data = location instanceof InlineData ? location.data : await this.#refetch(id, signal);
    if (!(data instanceof Uint8Array)) return this.#data({ ...read, location: data.location }, signal);
    const parts = selectBytes([data], ranges);
    if (into === undefined) return parts.map((part) => part.slice()); // A copy: all readers share what was fetched.
    copyInto(parts, into);
    return into;
  }

  /** The data of an event whose descriptor came from elsewhere, or where it is. */
  async #refetch(id: number, signal: AbortSignal): Promise<Uint8Array | { readonly location: Uint8Array }> {
    const fetched = await this.#fetch(id, this.#host.fetchBytes, signal);
    const batches = new FetchedBatches(this.#host.cluster.client, this.#host.layout, fetched, id);
    const piece = await batches.next({ maxEvents: 1, maxBytes: Infinity });
    const location = piece?.locations?.[0];
    if (piece === undefined || piece.count === 0 || piece.firstId !== id || location === undefined) {
      throw new SluiceError("ERR_STORAGE", `Event ${id} of partition ${this.index} is not stored any more`, {
        details: { partition: this.index, id },
      });
    }
    return location instanceof InlineData ? location.data : { location };
  }

  #offsetAt(time: number): Promise<number> {
    const { cluster, topic } = this.#host;
    return cluster.onLeader(topic, this.index, (to) => cluster.client.offsetAt(to, topic.name, this.index, time));
  }

  async #plain(compression: number, records: Uint8Array): Promise<Uint8Array> {
    return compression === 0 ? records : this.#host.cluster.client.decompress(compression, records);
  }

  /** An answer of the contract: the work begins when it is subscribed to, and is told when nobody wants it any more. */
  #answer<T>(what: string, work: (signal: AbortSignal) => Promise<T | undefined>): Observable<T> {
    return new Observable((subscriber) => {
      const stop = new AbortController();
      const { gone } = this.#host.topic;
      if (gone.signal.aborted) return subscriber.error(gone.signal.reason);
      work(stop.signal).then(
        (answer) => {
          this.#host.beforeDelivery();
          if (answer !== undefined) subscriber.next(answer);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(asUserError(`${what} in topic "${this.#host.topic.name}"`, error)),
      );
      return () => stop.abort();
    });
  }
}
