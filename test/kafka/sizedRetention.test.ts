import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import type { KafkaClient } from "../../backends/kafka/client/client.ts";
import type { KafkaCluster, TopicRef } from "../../backends/kafka/cluster.ts";
import { SizedRetention } from "../../backends/kafka/sizedRetention.ts";

const refOf = (name: string): TopicRef => ({ name, id: name, gone: new AbortController() });
const [chunkSize, recordSize] = [100, 1];

/** A partition in memory. Records refer to chunks; a chunk is young until its record is stored, and afterwards until it grows old. */
function partition(maxBytes: number) {
  const chunks: { isYoung: boolean }[] = [];
  const records: { readonly chunks: readonly number[] }[] = [];
  const starts: Record<string, number> = { events: 0, chunks: 0 };
  const client = {
    offsetAt: async (_to: unknown, topic: string, _partition: number, time: number) => {
      const all = topic === "chunks" ? chunks : records;
      if (time === -2) return starts[topic]!;
      return time === -1 ? all.length : chunks.findIndex(({ isYoung }) => isYoung);
    },
    deleteRecords: async (_to: unknown, topic: string, _partition: number, before: number) => {
      starts[topic] = Math.max(starts[topic]!, before);
      return 0;
    },
  } as unknown as KafkaClient;
  const cluster = {
    client,
    closed: new AbortController().signal,
    onLeader: (_topic: unknown, _partition: number, request: (to: unknown) => unknown) => request({ node: 0 }),
  } as unknown as KafkaCluster;
  const retention = new SizedRetention({
    cluster,
    topic: refOf("events"),
    partition: 0,
    companion: async () => refOf("chunks"),
    maxBytes,
    patience: 0,
    readSizes: async (from, tell) => {
      for (const [offset, record] of records.entries()) {
        if (offset < from) continue;
        const bytes = recordSize + record.chunks.length * chunkSize;
        tell({ next: offset + 1, bytes, firstChunk: Math.min(Infinity, ...record.chunks) });
      }
    },
  });
  const store = (count: number): number[] => Array.from({ length: count }, () => chunks.push({ isYoung: true }) - 1);
  /** Bytes of the records that are there and of their data. */
  const size = () =>
    records.slice(starts["events"]).reduce((sum, record) => sum + recordSize + record.chunks.length * chunkSize, 0);
  return { retention, chunks, records, starts, store, size };
}

test("the oldest records go first, then their chunks", async (t) => {
  const { retention, chunks, records, starts, store } = partition(1000);
  for (let i = 0; i < 30; i++) records.push({ chunks: store(1) });
  for (const chunk of chunks) chunk.isYoung = false;
  await retention.drop();

  t.deepEqual(starts, { events: 20, chunks: 20 });
});

test("chunks that are young stay, since their records may be on their way", async (t) => {
  const { retention, records, starts, store } = partition(1000);
  store(1);
  for (let i = 0; i < 30; i++) records.push({ chunks: store(1) });
  await retention.drop();

  t.deepEqual(starts, { events: 20, chunks: 0 });
});

test("chunks go when Kafka has dropped their records by itself", async (t) => {
  const { retention, chunks, records, starts, store } = partition(10_000);
  for (let i = 0; i < 30; i++) records.push({ chunks: store(1) });
  for (const chunk of chunks) chunk.isYoung = false;
  await retention.drop();
  t.deepEqual(starts, { events: 0, chunks: 0 });
  starts["events"] = 25;
  await retention.drop();

  t.is(starts["chunks"], 25);
});

testProp(
  "a record that is there has its chunks, whatever order producers store them in, and no more is kept than the rule says",
  [
    fc.array(
      fc.oneof(
        fc.record({ does: fc.constant("chunk" as const), who: fc.nat(2) }),
        fc.record({ does: fc.constant("record" as const), who: fc.nat(2) }),
        fc.record({ does: fc.constantFrom("drop" as const, "age" as const), who: fc.constant(0) }),
      ),
      { maxLength: 300 },
    ),
    fc.integer({ min: 1, max: 3000 }),
  ],
  async (t, steps, maxBytes) => {
    const { retention, chunks, records, starts, store, size } = partition(maxBytes);
    const pending: number[][] = [[], [], []];
    for (const { does, who } of steps) {
      if (does === "chunk") pending[who]!.push(...store(1));
      else if (does === "record") records.push({ chunks: pending[who]!.splice(0) });
      else if (does === "age") {
        for (const [i, chunk] of chunks.entries()) chunk.isYoung &&= pending.some((own) => own.includes(i));
      } else {
        await retention.drop();
        const largest = Math.max(0, ...records.map((record) => recordSize + record.chunks.length * chunkSize));
        if (size() > maxBytes + largest + maxBytes / 64)
          return t.fail(`${size()} bytes are kept instead of ${maxBytes}`);
      }
      const first = Math.min(Infinity, ...records.slice(starts["events"]).flatMap((record) => record.chunks));
      if (first < starts["chunks"]!) return t.fail(`Chunk ${first} was dropped before its record`);
    }
    t.pass();
  },
);
