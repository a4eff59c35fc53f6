import { idAt } from "../../src/model/batch.ts";
import { defaultIfEmpty, firstValueFrom, from, type ObservableInput } from "rxjs";
import { logBackend, type LogOptions, type RecoveryReport, type Storage } from "../../backends/log/index.ts";
import type {
  Backend,
  BackendPartition,
  BackendTopic,
  DataRead,
  EventBatch,
  ProducerSequence,
  TopicConfig,
} from "../../src/index.ts";

/** An event, as a test writes and reads it. */
export interface TestEvent {
  readonly text: string;
  readonly data?: Uint8Array;
}

/** An event that was read. */
export interface ReadEvent {
  readonly id: number;
  readonly text: string;
  readonly data: Uint8Array;
}

/** A log with one topic, open. */
export interface OpenLog {
  readonly backend: Backend;
  readonly topic: BackendTopic;
  readonly partition: BackendPartition;
  readonly report: RecoveryReport;
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const config: TopicConfig = {
  partitions: 1,
  components: {
    validator: { type: "accept-all" },
    partitionSelector: { type: "round-robin" },
    serializer: { type: "json" },
  },
};

/** Encryption with one of several keys; the others can be read. */
export function encryptionWith(keyId: string): NonNullable<LogOptions["encryption"]> {
  return { keyId, key: (id) => new Uint8Array(32).fill(id.length + id.charCodeAt(id.length - 1)) };
}

/** Waits for the answer of a backend. */
export function answerOf<T>(answer: ObservableInput<T>): Promise<T> {
  return firstValueFrom(from(answer).pipe(defaultIfEmpty(undefined as T)));
}

/** Opens a log, and its topic `t`, which is made when it is not there. */
export async function openLog(
  storage: Storage | undefined,
  options: LogOptions & { directory?: string; topic?: Partial<TopicConfig> } = {},
): Promise<OpenLog> {
  const { directory = "/log", topic: shape, ...rest } = options;
  const reports: RecoveryReport[] = [];
  const backend = await logBackend(directory, {
    ...rest,
    ...(storage && { storage }),
    recovered: (report) => reports.push(report),
  });
  const close = () => answerOf(backend.close());
  try {
    const names = await answerOf(backend.listTopics());
    const topic = await answerOf(
      names.includes("t") ? backend.openTopic("t") : backend.createTopic("t", { ...config, ...shape }),
    );
    return { backend, topic, partition: topic.partitions[0]!, report: reports[0]!, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** A batch of events. */
export function batchOf(events: readonly TestEvent[], producer?: ProducerSequence, time = 1000): EventBatch {
  const texts = events.map(({ text }) => encoder.encode(text));
  let end = 0;
  const metadataEnds = Uint32Array.from(texts, (text) => (end += text.length));
  const metadata = new Uint8Array(end);
  for (const [i, text] of texts.entries()) metadata.set(text, metadataEnds[i]! - text.length);
  const hasData = events.some(({ data }) => data !== undefined);
  let dataEnd = 0;
  const dataEnds = hasData ? Float64Array.from(events, ({ data }) => (dataEnd += data?.length ?? 0)) : undefined;
  const data = events.flatMap((event) => (event.data === undefined ? [] : [event.data]));
  return {
    count: events.length,
    metadata,
    metadataEnds,
    timestamps: new Float64Array(events.length).fill(time),
    data,
    dataEnds,
    producer,
  };
}

/** Bytes that differ from their neighbours. */
export function someBytes(size: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 31 + seed * 7 + (i >> 8);
  return bytes;
}

/** Appends events as one batch, and returns the id of the first. */
export async function append(
  partition: BackendPartition,
  events: readonly TestEvent[],
  producer?: ProducerSequence,
): Promise<number> {
  return (await answerOf(partition.append(batchOf(events, producer)))).firstId;
}

/** Everything that can be read, with all data. Damage that names where to read on is stepped over, and counted. */
export async function readAll(
  partition: BackendPartition,
  maxEvents = 1000,
): Promise<{ events: ReadEvent[]; errors: unknown[] }> {
  const { start, end } = await answerOf(partition.bounds());
  return readBetween(partition, start, end, maxEvents);
}

/** What can be read from a position on, as far as the batch that reaches another one, as {@link readAll}. */
export async function readBetween(
  partition: BackendPartition,
  start: number,
  end: number,
  maxEvents = 1000,
): Promise<{ events: ReadEvent[]; errors: unknown[] }> {
  const events: ReadEvent[] = [];
  const errors: unknown[] = [];
  for (let position = start; position < end;) {
    try {
      const batch = await answerOf(partition.read(position, { maxEvents, maxBytes: 1 << 20 }));
      const sizes = Array.from(
        { length: batch.count },
        (_, i) => (batch.dataEnds?.[i] ?? 0) - (i === 0 ? 0 : (batch.dataEnds?.[i - 1] ?? 0)),
      );
      const reads: DataRead[] = sizes.map((size, i) => ({
        id: idAt(batch, i),
        location: undefined,
        ranges: new Float64Array(size === 0 ? [] : [0, size]),
      }));
      const data = await fetchAll(partition, reads, errors);
      for (let i = 0; i < batch.count; i++) {
        const bytes = data[i];
        if (bytes === undefined) continue;
        const text = decoder.decode(
          batch.metadata.subarray(i === 0 ? 0 : batch.metadataEnds[i - 1], batch.metadataEnds[i]),
        );
        events.push({ id: idAt(batch, i), text, data: joined(bytes) });
      }
      position = batch.next;
    } catch (error) {
      errors.push(error);
      const { next } = (error as { details?: { next?: number } }).details ?? {};
      if (next === undefined || next <= position) break;
      position = next;
    }
  }
  return { events, errors };
}

/** The data of each event; undefined where it is damaged. What is fetched with something that is damaged fails with it. */
async function fetchAll(
  partition: BackendPartition,
  reads: readonly DataRead[],
  errors: unknown[],
): Promise<(readonly Uint8Array[] | undefined)[]> {
  try {
    return [...(await answerOf(partition.fetch(reads)))];
  } catch (error) {
    if (reads.length > 1) {
      const parts = await Promise.all(reads.map((read) => fetchAll(partition, [read], errors)));
      return parts.flat();
    }
    errors.push(error);
    return [undefined];
  }
}

/** Segments as one array. One alone is not copied. */
export function joined(segments: readonly Uint8Array[]): Uint8Array {
  if (segments.length === 1) return segments[0]!;
  const bytes = new Uint8Array(segments.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const segment of segments) {
    bytes.set(segment, at);
    at += segment.length;
  }
  return bytes;
}
