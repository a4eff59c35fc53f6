import { fc, testProp } from "@fast-check/ava";
import { crc32c } from "@platformatic/kafka";
import test from "ava";
import { findBatches, readRecords } from "../../backends/kafka/records/decodeBatches.ts";
import { BatchEncoder, type ProducerIdentity } from "../../backends/kafka/records/encodeBatch.ts";
import { RecordParts, RecordView } from "../../backends/kafka/records/recordParts.ts";
import { isSluiceError } from "../../src/index.ts";

interface PlainRecord {
  readonly timestamp: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
  readonly headers: readonly (readonly [Uint8Array, Uint8Array])[];
}

const bytes = fc.uint8Array({ maxLength: 300 });
const record = fc.record({
  timestamp: fc.integer({ min: 0, max: 2 ** 45 }),
  key: fc.option(bytes, { nil: undefined }),
  value: bytes,
  headers: fc.array(fc.tuple(bytes, bytes), { maxLength: 4 }),
});
const checksum = (data: Uint8Array) => crc32c(data) >>> 0;

function encode(records: readonly PlainRecord[], producer?: ProducerIdentity, sequence = 0): Uint8Array {
  const encoder = new BatchEncoder(16); // Too small on purpose: it has to grow.
  const parts = new RecordParts();
  for (const { timestamp, key, value, headers } of records) {
    parts.clear();
    parts.key = key;
    parts.value.add(value, 0, value.length >> 1);
    parts.value.add(value, value.length >> 1);
    for (const [name, content] of headers) parts.header(name).add(content);
    encoder.add(timestamp, parts);
  }
  return encoder.finish(0, producer, sequence, checksum).slice();
}

function decode(data: Uint8Array): PlainRecord[] {
  const records: PlainRecord[] = [];
  for (const batch of findBatches(data, checksum)) {
    readRecords(batch, batch.records, new RecordView(), (view) => {
      const headers = Array.from(
        { length: view.headerCount },
        (_, i) => [view.headerName(i).slice(), view.headerValue(i).slice()] as const,
      );
      records.push({ timestamp: view.timestamp, key: view.key?.slice(), value: view.value.slice(), headers });
    });
  }
  return records;
}

testProp("what is encoded is decoded", [fc.array(record, { minLength: 1, maxLength: 40 })], (t, records) => {
  t.deepEqual(decode(encode(records)), records);
});

testProp(
  "batches stand behind each other",
  [fc.array(record, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 60 })],
  (t, records, cut) => {
    const batch = encode(records);
    const both = Uint8Array.from([...batch, ...batch]);

    t.deepEqual(decode(both), [...records, ...records]);
    // The limit of a fetch cuts the last batch off.
    t.deepEqual(decode(both.subarray(0, both.length - Math.min(cut, batch.length - 1))), records);
  },
);

testProp(
  "a changed bit is found out",
  [fc.array(record, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(7)],
  (t, records, where, bit) => {
    const batch = encode(records);
    // The bytes before the checksum say where the batch is; the broker writes them.
    const at = 17 + (where % (batch.length - 17));
    batch[at]! ^= 1 << bit;
    const error = t.throws(() => decode(batch));

    t.true(isSluiceError(error, "ERR_STORAGE"));
  },
);

testProp("noise is refused and never read as records", [fc.uint8Array({ maxLength: 400 })], (t, noise) => {
  try {
    t.deepEqual(decode(noise), []);
  } catch (error) {
    t.true(isSluiceError(error, "ERR_STORAGE"));
  }
});

test("the header is what the protocol says", (t) => {
  const value = new TextEncoder().encode("v");
  const batch = encode(
    [
      { timestamp: 1000, key: undefined, value, headers: [] },
      { timestamp: 990, key: undefined, value, headers: [] },
    ],
    { id: 7n, epoch: 3 },
    41,
  );
  const view = new DataView(batch.buffer);

  t.is(view.getBigInt64(0), 0n, "base offset");
  t.is(view.getInt32(8), batch.length - 12, "length");
  t.is(view.getInt8(16), 2, "magic");
  t.is(view.getUint32(17), checksum(batch.subarray(21)), "checksum");
  t.is(view.getInt32(23), 1, "last offset delta");
  t.is(view.getBigInt64(27), 1000n, "base timestamp");
  t.is(view.getBigInt64(35), 1000n, "max timestamp");
  t.deepEqual([view.getBigInt64(43), view.getInt16(51), view.getInt32(53)], [7n, 3, 41], "producer");
  t.is(view.getInt32(57), 2, "count");
});
