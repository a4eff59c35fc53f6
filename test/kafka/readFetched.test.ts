import { fc, testProp } from "@fast-check/ava";
import { crc32c } from "@platformatic/kafka";
import test from "ava";
import type { Fetched, KafkaClient } from "../../backends/kafka/client/client.ts";
import type { IncomingEvent, Layout } from "../../backends/kafka/layouts/layout.ts";
import { sluiceLayout } from "../../backends/kafka/layouts/sluice.ts";
import { BatchEncoder, checkedFrom, controlBit, transactionalBit } from "../../backends/kafka/records/encodeBatch.ts";
import { InlineData } from "../../backends/kafka/records/location.ts";
import { FetchedBatches } from "../../backends/kafka/records/readFetched.ts";
import { RecordParts } from "../../backends/kafka/records/recordParts.ts";
import type { StoredBatch } from "../../src/index.ts";

interface Plain {
  readonly metadata: Uint8Array;
  readonly data: Uint8Array | undefined;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const checksum = (bytes: Uint8Array) => crc32c(bytes) >>> 0;
const client = { crc32c: checksum } as unknown as KafkaClient;
const endless = { maxEvents: 1e6, maxBytes: 1e9 };

/** Batches as a broker answers them, at the end of memory of so many bytes more. */
function fetchedOf(batches: readonly (readonly Plain[])[], more = 0): Fetched {
  let offset = 0;
  const encoded = batches.map((events) => {
    const encoder = new BatchEncoder(64);
    for (const { metadata, data } of events) {
      const parts = new RecordParts();
      parts.clear();
      parts.value.add(metadata);
      if (data !== undefined) parts.header(utf8("sluice-data")).add(data);
      encoder.add(1000, parts);
    }
    const bytes = encoder.finish(0, undefined, 0, checksum).slice();
    new DataView(bytes.buffer).setBigInt64(0, BigInt(offset)); // The broker writes it.
    offset += events.length;
    return bytes;
  });
  const all = Buffer.concat(encoded);
  const memory = new Uint8Array(more + all.length);
  memory.set(all, more);
  const records = memory.subarray(more);
  return { records, aborted: [], lastStableOffset: offset } as unknown as Fetched;
}

async function readAll(fetched: Fetched, layout: Layout = sluiceLayout): Promise<StoredBatch[]> {
  const batches = new FetchedBatches(client, layout, fetched, 0);
  const found: StoredBatch[] = [];
  for (;;) {
    const piece = await batches.next(endless);
    if (piece === undefined) return found;
    found.push(piece);
  }
}

function plainOf(batches: readonly StoredBatch[]): Plain[] {
  return batches.flatMap(({ count, metadata, metadataEnds, locations }) =>
    Array.from({ length: count }, (_, i) => {
      const location = locations?.[i];
      return {
        metadata: metadata.slice(i === 0 ? 0 : metadataEnds[i - 1], metadataEnds[i]),
        data: location instanceof InlineData ? location.data.slice() : undefined,
      };
    }),
  );
}

const bytes = fc.uint8Array({ maxLength: 400 });
const event = fc.record({
  metadata: bytes,
  data: fc.option(fc.uint8Array({ minLength: 1, maxLength: 400 }), { nil: undefined, freq: 2 }),
});
const batches = fc.array(fc.array(event, { minLength: 1, maxLength: 90 }), { minLength: 1, maxLength: 4 });

testProp(
  "what was fetched is read as it was written, whether it is moved together in its memory or copied",
  [batches, fc.constantFrom(0, 1, 1 << 20)],
  async (t, written, more) => {
    const pieces = await readAll(fetchedOf(written, more));
    t.deepEqual(plainOf(pieces), written.flat());
  },
);

/** Makes something longer of each record, as layouts of other programs do. */
const longer: Layout = {
  ...sluiceLayout,
  read(record, incoming: IncomingEvent) {
    sluiceLayout.read(record, incoming);
    const value = incoming.metadata.slice(incoming.metadataStart, incoming.metadataEnd);
    if (value.length % 3 !== 0) incoming.setBytes(new Uint8Array([...value, ...value, ...value, 1]));
  },
};

testProp(
  "metadata that is longer than its record does not get in the way of the next one",
  [batches],
  async (t, written) => {
    const plain = written.map((events) => events.map(({ metadata }) => ({ metadata, data: undefined })));
    const expected = plain.flat().map(({ metadata: m, data }) => ({
      metadata: m.length % 3 === 0 ? m : new Uint8Array([...m, ...m, ...m, 1]),
      data,
    }));

    t.deepEqual(plainOf(await readAll(fetchedOf(plain), longer)), expected);
  },
);

test("metadata that lies behind its records in the same memory does not get in the way of the next one", async (t) => {
  const plain = Array.from({ length: 8 }, (_, i) => ({ metadata: new Uint8Array(200).fill(i), data: undefined }));
  const { records, ...fetched } = fetchedOf([plain]);
  // As where both come from the memory that Node shares out in small pieces.
  const pool = new Uint8Array(2 * records.length);
  pool.set(records);
  const made = pool.subarray(records.length, records.length + 400);
  const elsewhere: Layout = {
    ...sluiceLayout,
    read(record, incoming) {
      sluiceLayout.read(record, incoming);
      made.fill(incoming.metadata[incoming.metadataStart]!);
      incoming.setBytes(made);
    },
  };
  const found = plainOf(await readAll({ ...fetched, records: pool.subarray(0, records.length) }, elsewhere));
  t.deepEqual(
    found.map(({ metadata }) => [metadata.length, metadata[0], metadata[399]]),
    plain.map((_, i) => [400, i, i]),
  );
});

test("a marker of a transaction is a piece without an event, that says where to read on", async (t) => {
  const fetched = fetchedOf([[{ metadata: new Uint8Array(6), data: undefined }]]);
  const view = new DataView(fetched.records.buffer);
  view.setInt16(21, view.getInt16(21) | controlBit | transactionalBit);
  view.setUint32(17, checksum(fetched.records.subarray(checkedFrom)));
  const [piece, ...more] = await readAll(fetched);

  t.like(piece, { count: 0, next: 1 });
  t.deepEqual(more, []);
});

test("large events take no memory beside that which they were fetched into", async (t) => {
  const large = Array.from({ length: 8 }, (_, i) => ({ metadata: new Uint8Array(50_000).fill(i), data: undefined }));
  const fetched = fetchedOf([large]);
  const [piece] = await readAll(fetched);

  t.is(piece!.metadata.buffer, fetched.records.buffer);
  t.is(piece!.metadata.length, 400_000);
});

test("who keeps an event of a small batch does not keep all that was fetched with it", async (t) => {
  const small = Array.from({ length: 64 }, (_, i) => ({ metadata: new Uint8Array(100).fill(i), data: undefined }));
  const fetched = fetchedOf(Array.from({ length: 10 }, () => small));
  for (const piece of await readAll(fetched)) t.true(piece.metadata.buffer.byteLength < fetched.records.length / 4);
});
