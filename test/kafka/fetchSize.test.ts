import { crc32c } from "@platformatic/kafka";
import test from "ava";
import { findBatches } from "../../backends/kafka/records/decodeBatches.ts";
import { BatchEncoder } from "../../backends/kafka/records/encodeBatch.ts";
import { FetchSize } from "../../backends/kafka/records/fetchSize.ts";
import { RecordParts } from "../../backends/kafka/records/recordParts.ts";

/** A log of batches of about so many bytes each. */
function logOf(sizes: readonly number[]): Uint8Array {
  const batches = sizes.map((size) => {
    const encoder = new BatchEncoder(size);
    const parts = new RecordParts();
    parts.clear();
    parts.value.add(new Uint8Array(size));
    encoder.add(0, parts);
    return encoder.finish(0, undefined, 0, (data) => crc32c(data) >>> 0).slice();
  });
  return new Uint8Array(Buffer.concat(batches));
}

/** Reads a log as a broker gives it, and tells how much was fetched in all. */
function fetchAll(log: Uint8Array, size: FetchSize): { fetched: number; batches: number; fetches: number } {
  let [at, fetched, batches, fetches] = [0, 0, 0, 0];
  while (at < log.length) {
    const first = 12 + new DataView(log.buffer, at, 12).getInt32(8);
    // The first batch is always whole, however large it is.
    const answer = log.subarray(at, at + Math.max(first, size.bytes));
    const found = findBatches(answer, (data) => crc32c(data) >>> 0);
    const whole = found.at(-1)!.records.byteOffset + found.at(-1)!.records.length - answer.byteOffset;
    size.note(answer, whole);
    at += whole;
    fetched += answer.length;
    batches += found.length;
    fetches++;
  }
  return { fetched, batches, fetches };
}

test("batches that are larger than half of a fetch are not fetched twice", (t) => {
  const log = logOf(Array.from({ length: 100 }, () => 1_060_000));
  const size = new FetchSize(2 << 20);
  const { fetched, batches, fetches } = fetchAll(log, size);

  t.is(batches, 100);
  t.true(fetches <= 51, `${fetches} fetches`);
  t.true(fetched < 1.02 * log.length, `${fetched} bytes of ${log.length}`);
});

test("batches of sizes that differ settle on a size as well", (t) => {
  const log = logOf(Array.from({ length: 200 }, (_, i) => 1_050_000 + ((i * 7919) % 20_000)));
  const { fetched, batches } = fetchAll(log, new FetchSize(2 << 20));

  t.is(batches, 200);
  t.true(fetched < 1.05 * log.length, `${fetched} bytes of ${log.length}`);
});

test("what is cut off of small batches is not worth more", (t) => {
  const size = new FetchSize(100_000);
  fetchAll(logOf(Array.from({ length: 100 }, () => 15_000)), size);

  t.is(size.bytes, 100_000);
});

test("it never grows beyond twice of what was wished for, whatever the bytes say", (t) => {
  const size = new FetchSize(1000);
  const bytes = new Uint8Array(1000);
  new DataView(bytes.buffer).setInt32(8, 0x7fff_ffff);
  size.note(bytes, 0);
  t.is(size.bytes, 2000);
  size.note(new Uint8Array(0), 0);
  size.note(new Uint8Array(8).fill(255), 0);
  t.is(size.bytes, 2000);
});

test("what says nothing of its length changes nothing", (t) => {
  const size = new FetchSize(1000);
  size.note(new Uint8Array(8), 0);
  size.note(new Uint8Array(100).fill(255), 0);
  t.is(size.bytes, 1000);
});
