import type { BackendPartition, DataRead, StoredBatch } from "../../src/index.ts";
import { isSluiceError } from "../../src/index.ts";
import { answerOf, joined } from "../log/support.ts";
import type { World, WrittenEvent } from "./world.ts";

const decoder = new TextDecoder();

/** What a call came to: its answer, or the code of its error. */
export async function outcomeOf<T>(answer: Promise<T>): Promise<{ answer: T } | { code: string }> {
  try {
    return { answer: await answer };
  } catch (error) {
    if (isSluiceError(error)) return { code: error.code };
    throw error;
  }
}

/** Fails with both values unless they are the same. */
export function assertSame(subject: unknown, memory: unknown, what: string): void {
  const [a, b] = [JSON.stringify(plain(subject)), JSON.stringify(plain(memory))];
  if (a !== b) throw new Error(`${what}: ${a}, where memory has ${b}`);
}

/** Fails unless both are the same bytes. */
export function assertBytes(bytes: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(bytes, expected) !== 0)
    throw new Error(`${bytes.length} bytes are not the ${expected.length} that were written`);
}

/** Fails unless a batch is a part of what was written, in its order, from the position that was asked for. */
export function assertBatch(batch: StoredBatch, from: number, written: readonly WrittenEvent[]): void {
  const texts = Array.from({ length: batch.count }, (_, i) =>
    decoder.decode(batch.metadata.subarray(batch.metadataEnds[i - 1] ?? 0, batch.metadataEnds[i])),
  );
  const expected = written.slice(from, from + batch.count);
  const sizes = Array.from(
    { length: batch.count },
    (_, i) => (batch.dataEnds?.[i] ?? 0) - (batch.dataEnds?.[i - 1] ?? 0),
  );
  assertSame(batch.firstId, from, "the first id");
  assertSame(batch.next, from + batch.count, "where to read on");
  assertSame(
    texts,
    expected.map(({ text }) => text),
    "metadata",
  );
  assertSame(
    [...batch.timestamps.subarray(0, batch.count)],
    expected.map(({ time }) => time),
    "times",
  );
  assertSame(
    sizes,
    expected.map(({ data }) => data.length),
    "sizes of data",
  );
}

/** Reads everything of every partition, and fails unless it is what was written. */
export async function assertAll(world: World): Promise<void> {
  for (let number = 0; number < world.count; number++) {
    const [partition, memory, written] = world.partition(number);
    await assertBounds(world, partition, memory);
    const { start, end } = await answerOf(partition.bounds());
    assertSame(end, written.length, "the end");
    for (let position = start; position < end;) {
      const batch = await answerOf(partition.read(position, { maxEvents: 1000, maxBytes: 1 << 20 }));
      assertBatch(batch, position, written);
      const reads = written.slice(position, batch.next).map(({ id, data }) => wholeOf(id, data.length));
      const data = await answerOf(partition.fetch(reads));
      for (const [i, parts] of data.entries()) assertBytes(joined(parts), written[position + i]!.data);
      position = batch.next;
    }
  }
}

/** Fails unless both partitions reach equally far. Where only whole files are dropped, some more may be left. */
export async function assertBounds(world: World, partition: BackendPartition, memory: BackendPartition): Promise<void> {
  const [subject, reference] = [await answerOf(partition.bounds()), await answerOf(memory.bounds())];
  const isLate = world.subject.dropsLate && subject.start < reference.start;
  assertSame(subject, isLate ? { ...reference, start: subject.start } : reference, "bounds");
}

/** A request for all data of an event. */
export function wholeOf(id: number, size: number): DataRead {
  return { id, location: undefined, ranges: new Float64Array(size === 0 ? [] : [0, size]) };
}

function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return [...(value as Float64Array)];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, plain(each)]),
  );
}
