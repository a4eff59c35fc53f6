import test from "ava";
import { firstValueFrom, from, of, throwError } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { ReusedMemory } from "../../backends/service/server/reusedMemory.ts";
import type { EventBatch } from "../../src/index.ts";
import { connected, served } from "./served.ts";

const mebibyte = 1 << 20;

test("what was given back is taken again, and only once", (t) => {
  const memory = new ReusedMemory();
  const first = memory.take(mebibyte)!;
  t.is(first.length, mebibyte);
  memory.giveBack(first);
  memory.giveBack(first);
  const again = memory.take(mebibyte - 1000)!;
  t.is(again.buffer, first.buffer);
  t.is(again.length, mebibyte - 1000);
  t.not(memory.take(mebibyte)!.buffer, first.buffer);
});

test("what is small is not worth it, and what is not from here is left alone", (t) => {
  const memory = new ReusedMemory();
  t.is(memory.take(100_000), undefined);
  const own = new Uint8Array(mebibyte);
  memory.giveBack(own);
  t.not(memory.take(mebibyte)!.buffer, own.buffer);
});

test("memory is not used for much less than it has, and not for more", (t) => {
  const memory = new ReusedMemory();
  const large = memory.take(4 * mebibyte)!;
  memory.giveBack(large);
  t.not(memory.take(mebibyte)!.buffer, large.buffer);
  t.not(memory.take(5 * mebibyte)!.buffer, large.buffer);
  t.is(memory.take(3 * mebibyte)!.buffer, large.buffer);
});

test("no more than 16 MiB are kept", (t) => {
  const memory = new ReusedMemory();
  const taken = Array.from({ length: 20 }, () => memory.take(mebibyte)!);
  for (const each of taken) memory.giveBack(each);
  const known = new Set<ArrayBufferLike>(taken.map(({ buffer }) => buffer));
  const again = Array.from({ length: 20 }, () => memory.take(mebibyte)!);
  t.is(again.filter(({ buffer }) => known.has(buffer)).length, 16);
});

for (const [name, listener] of [
  ["TCP", { tcp: { port: 0 } }],
  ["WebSocket", { websocket: { port: 0 } }],
] as const) {
  test(`large data through memory that is used again arrives as it was sent, by ${name}`, async (t) => {
    const service = await served(t, { listeners: [listener] });
    const driver = await connected(t, service.addresses[0]!);
    const topic = await driver.createTopic<{ n: number }>("large");
    const [count, size] = [60, 700_000];
    const producer = topic.producer({ batchSize: 1, maxBatches: 5 });
    const read = readAll(topic.consumer("all", { dataSelector: (_, data) => data }), count);
    for (let n = 0; n < count; n++) {
      void producer.push({ n }, new Uint8Array(size).fill(n));
      if (!producer.isReady) await producer.ready;
    }
    await producer.flush();

    t.deepEqual(
      await read,
      Array.from({ length: count }, (_, n) => ({ n, isWhole: true })),
    );
  });
}

test("a batch of metadata keeps what it came in, and batches that come later do not change it", async (t) => {
  const service = await served(t);
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<{ n: number; text: string }>("metadata");
  const producer = topic.producer({ batchSize: 1 });
  const text = "x".repeat(600_000);
  for (let n = 0; n < 8; n++) await producer.push({ n, text: `${n}${text}` });
  for (let n = 8; n < 16; n++) await producer.push({ n, text: "" }, new Uint8Array(600_000).fill(255));

  const found: string[] = [];
  for await (const { metadata } of topic.consumer("all", { until: "end" })) found.push(metadata.text.slice(0, 3));
  t.deepEqual(found, [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `${n}xx`).concat(Array.from({ length: 8 }, () => "")));
});

test("memory of a batch that was not stored is not used again: the backend may still be at it", async (t) => {
  const backend = memoryBackend();
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("failing");
  const partition = (await firstValueFrom(from(backend.openTopic("failing")))).partitions[0]!;
  const append = partition.append.bind(partition);
  let failed: EventBatch | undefined;
  partition.append = (batch) => {
    if (failed !== undefined) return append(batch);
    failed = batch;
    return throwError(() => new Error("It takes a while to stop"));
  };
  const data = (byte: number) => new Uint8Array(mebibyte).fill(byte);
  await t.throwsAsync(async () => topic.producer({ batchSize: 1 }).push(0, data(1)));
  const producer = topic.producer({ batchSize: 1 });
  for (let n = 0; n < 5; n++) await producer.push(n, data(2));

  t.true(failed!.data.every((segment) => segment.every((byte) => byte === 1)));
});

test("memory of a fetch that was given up is not used again: the backend may still write into it", async (t) => {
  const backend = memoryBackend();
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("slow");
  await topic.producer().push(0, new Uint8Array(mebibyte).fill(1));
  const partition = (await firstValueFrom(from(backend.openTopic("slow")))).partitions[0]!;
  const targets: Uint8Array[] = [];
  let answer: (() => void) | undefined;
  const fetch = partition.fetch.bind(partition);
  partition.fetch = (reads) => {
    const target = reads[0]!.into![0]!;
    targets.push(target);
    if (targets.length > 1) return fetch(reads);
    return new Promise((resolve) => (answer = () => resolve([[target]])));
  };
  const first = topic.consumer("first", { dataSelector: (_, data) => data }).subscribe();
  while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
  first.unsubscribe();
  const { data } = await topic.consumer("second", { dataSelector: (_, descriptor) => descriptor }).pull();
  targets[0]!.fill(9);
  answer();

  t.not(targets[0]!.buffer, targets[1]!.buffer);
  t.true(data.toUint8Array().every((byte) => byte === 1));
});

test("what a backend that has memory of its own answers is sent as it is", async (t) => {
  const backend = memoryBackend();
  const service = await served(t, { backend });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("own");
  await topic.producer().push(0, new Uint8Array(mebibyte));
  const partition = (await firstValueFrom(from(backend.openTopic("own")))).partitions[0]!;
  const own = new Uint8Array(mebibyte).fill(5);
  partition.fetch = () => of([[own]]);
  for (const name of ["one", "two", "three"]) {
    const { data } = await topic.consumer(name, { dataSelector: (_, descriptor) => descriptor }).pull();
    t.true(data.toUint8Array().every((byte) => byte === 5));
  }
});

/** What came of each event, once so many have come. */
function readAll(
  consumer: AsyncIterable<{ readonly metadata: { readonly n: number }; readonly data: { toUint8Array(): Uint8Array } }>,
  count: number,
): Promise<readonly { n: number; isWhole: boolean }[]> {
  return (async () => {
    const found: { n: number; isWhole: boolean }[] = [];
    for await (const { metadata, data } of consumer) {
      found.push({ n: metadata.n, isWhole: data.toUint8Array().every((byte) => byte === metadata.n) });
      if (found.length === count) break;
    }
    return found;
  })();
}
