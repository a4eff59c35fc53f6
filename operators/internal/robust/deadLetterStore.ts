import { asyncScheduler, concatMap, defer, firstValueFrom, from, type Observable, type ObservableInput } from "rxjs";
import type { Backend, BackendTopic } from "../../../src/model/backend.ts";
import { metadataAt, type EventBatch, type StoredBatch } from "../../../src/model/batch.ts";
import type { ComponentSpecs, Serializer } from "../../../src/model/component.ts";
import { isSluiceError } from "../../../src/model/errors.ts";
import { selectBytes } from "../../../src/model/selectBytes.ts";
import type { DeadLetter } from "../../processEvents.ts";
import { answerOf } from "./answerOf.ts";
import type { JournalBatch } from "./journalPartition.ts";
import { letterEvent } from "./letterEvent.ts";

/** What is written of an event that was put aside. Its metadata and then its data follow, as data. */
interface LetterRecord {
  readonly partition: number;
  readonly position: number;
  readonly timestamp: number;
  readonly metadataBytes: number;
  readonly error: { readonly name: string; readonly message: string; readonly code?: string };
}

/** The topic of the journal that has them. */
const topicName = "dead";
const limits = { maxEvents: 64, maxBytes: 1 << 20 };

/** Keeps the events that could not be stored, with the reason, beside the journal. */
export class DeadLetterStore<M> {
  readonly #backend: Backend;
  readonly #topic: string;
  readonly #components: ComponentSpecs;
  readonly #serializer: Serializer<M>;
  #stored: Promise<BackendTopic> | undefined;

  constructor(backend: Backend, topic: string, components: ComponentSpecs, serializer: Serializer<M>) {
    this.#backend = backend;
    this.#topic = topic;
    this.#components = components;
    this.#serializer = serializer;
  }

  /** Stores one. Completes when it is as safe as the journal. */
  add(partition: number, letter: JournalBatch, error: unknown): Observable<unknown> {
    return defer(() => from(this.#make())).pipe(
      concatMap((topic) => topic.partitions[0]!.append(recordOf(partition, letter, error)) as ObservableInput<unknown>),
    );
  }

  /** All that there are now, oldest first. */
  async *letters(): AsyncGenerator<DeadLetter<M>> {
    const topic = await this.#find();
    if (topic === undefined) return;
    const partition = topic.partitions[0]!;
    const { start, end } = await answerOf(partition.bounds());
    for (let at = start; at < end;) {
      const batch = await answerOf(partition.read(at, limits));
      for (let i = 0; i < batch.count && batch.firstId + i < end; i++) yield await this.#letterAt(topic, batch, i);
      at = batch.next;
    }
  }

  /** Forgets all of them. */
  async clear(): Promise<void> {
    if ((await this.#find()) === undefined) return;
    this.#stored = undefined;
    await answerOf(this.#backend.deleteTopic(topicName));
  }

  async #letterAt(topic: BackendTopic, batch: StoredBatch, index: number): Promise<DeadLetter<M>> {
    const record = JSON.parse(decoder.decode(metadataAt(batch, index))) as LetterRecord;
    const start = index === 0 ? 0 : batch.dataEnds![index - 1]!;
    const size = (batch.dataEnds?.[index] ?? 0) - start;
    const ranges = new Float64Array([0, size]);
    const location = batch.locations?.[index];
    const read = [{ id: batch.firstId + index, location, ranges }];
    const [bytes = []] = size === 0 ? [] : await answerOf(topic.partitions[0]!.fetch(read));
    const { partition, position, error } = record;
    const origin = { topic: this.#topic, partition, position, serializer: this.#serializer };
    return { event: await firstValueFrom(letterEvent(origin, batchOf(record, bytes, size))), error };
  }

  #make(): Promise<BackendTopic> {
    this.#stored ??= this.#find().then(
      (found) =>
        found ?? answerOf(this.#backend.createTopic(topicName, { partitions: 1, components: this.#components })),
    );
    this.#stored.catch(() => (this.#stored = undefined));
    return this.#stored;
  }

  async #find(): Promise<BackendTopic | undefined> {
    try {
      return await answerOf(this.#backend.openTopic(topicName));
    } catch (error) {
      if (isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) return undefined;
      throw error;
    }
  }
}

function recordOf(partition: number, { position, batch }: JournalBatch, error: unknown): EventBatch {
  const record: LetterRecord = {
    partition,
    position,
    timestamp: batch.timestamps[0]!,
    metadataBytes: batch.metadata.length,
    error: factsOf(error),
  };
  const metadata = encoder.encode(JSON.stringify(record));
  const data = [batch.metadata, ...batch.data].filter(({ length }) => length > 0);
  return {
    count: 1,
    metadata,
    metadataEnds: Uint32Array.of(metadata.length),
    timestamps: Float64Array.of(asyncScheduler.now()),
    data,
    dataEnds: data.length === 0 ? undefined : Float64Array.of(data.reduce((sum, { length }) => sum + length, 0)),
  };
}

function batchOf({ metadataBytes, timestamp }: LetterRecord, bytes: readonly Uint8Array[], size: number): EventBatch {
  const dataSize = size - metadataBytes;
  const metadata = new Uint8Array(metadataBytes);
  let at = 0;
  for (const part of selectBytes(bytes, Float64Array.of(0, metadataBytes))) {
    metadata.set(part, at);
    at += part.length;
  }
  return {
    count: 1,
    metadata,
    metadataEnds: Uint32Array.of(metadataBytes),
    timestamps: Float64Array.of(timestamp),
    data: dataSize === 0 ? [] : selectBytes(bytes, Float64Array.of(metadataBytes, dataSize)),
    dataEnds: dataSize === 0 ? undefined : Float64Array.of(dataSize),
  };
}

function factsOf(error: unknown): LetterRecord["error"] {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, code } = error as Error & { readonly code?: unknown };
  return typeof code === "string" ? { name, message, code } : { name, message };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
