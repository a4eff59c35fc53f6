import test from "ava";
import { decodeBatchHeader, indexedSizeOf, lengthOf } from "../../backends/log/format/batchHeader.ts";
import { decodeBatchBody } from "../../backends/log/format/decodeBatchBody.ts";
import { encodeBatch } from "../../backends/log/format/encodeBatch.ts";
import { decodeHead, encodeHead, HeadFile } from "../../backends/log/format/headFile.ts";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  type SegmentHeader,
} from "../../backends/log/format/segmentHeader.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";
import { batchOf, joined, someBytes } from "./support.ts";

const id = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
const header: SegmentHeader = {
  id,
  ordinal: 3,
  baseId: 1000,
  baseNumber: 40,
  epoch: 2,
  created: 1_790_000_000_000,
  predecessor: { id: new Uint8Array(16).fill(0xbb), endId: 1000, length: 4096, chain: 0x01020304 },
};
const place = {
  tag: id.subarray(0, 8),
  position: 4096,
  baseId: 1000,
  number: 40,
  durableMark: 998,
  epoch: 2,
  chain: 0xdeadbeef,
};
const batch = batchOf([{ text: '{"n":1}', data: someBytes(5) }, { text: "{}" }], { id: "app/1", sequence: 7 }, 1.5);

// These bytes are format version 1. If this test fails, old logs can no longer be read: it takes a new version, not a new expectation.
test("a segment header has these bytes", (t) => {
  const bytes = encodeSegmentHeader(header);
  t.is(bytes.length, 512);
  t.is(
    hex(bytes.subarray(0, 112)),
    "534c554943534547" +
      "01000000" +
      "00020000" +
      "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf" +
      "0300000000000000" +
      "e803000000000000" +
      "2800000000000000" +
      "0200000000000000" +
      "006c50c4a0010000" +
      "bb".repeat(16) +
      "e803000000000000" +
      "0010000000000000" +
      "04030201" +
      "00000000",
  );
  t.deepEqual(decodeSegmentHeader(bytes), header);
});

test("a batch has these bytes", (t) => {
  const { segments, length, dataOffset } = encodeBatch(batch, place);
  const bytes = joined(segments);
  t.is(bytes.length, length);
  t.is(hex(bytes.subarray(0, 4)), "534c4254");
  t.is(
    hex(bytes.subarray(8, 60)),
    "01000000" +
      "02000000" +
      "a0a1a2a3a4a5a6a7" +
      "e803000000000000" +
      "2800000000000000" +
      "e603000000000000" +
      "0200000000000000" +
      "efbeadde",
  );
  t.is(
    hex(bytes.subarray(64, 96)),
    "09000000" + "05000000" + "0500000000000000" + "0700000000000000" + "000000000000f83f",
  );
  t.is(
    hex(bytes.subarray(96, dataOffset)),
    "6170702f31000000" +
      "000000000000f83f".repeat(2) +
      "0000000000001440".repeat(2) +
      "07000000" +
      "09000000" +
      hex(bytes.subarray(144, 148)) +
      "00000000" +
      hex(new TextEncoder().encode('{"n":1}{}')) +
      "00".repeat(7),
  );
  t.is(hex(bytes.subarray(dataOffset)), hex(someBytes(5)) + "000000");
});

test("a batch is read as it was written, for many shapes", (t) => {
  for (const count of [1, 2, 3, 100]) {
    for (const textSize of [0, 1, 7, 8, 300]) {
      for (const dataSize of [undefined, 0, 1, 4095, 4096, 4097, 20_000]) {
        for (const producer of [undefined, { id: "päpp/1", sequence: 2 ** 40 }]) {
          const events = Array.from({ length: count }, (_, i) => ({
            text: "x".repeat(textSize),
            ...(dataSize !== undefined && i % 3 === 0 && { data: someBytes(dataSize, i) }),
          }));
          const written = batchOf(events, producer);
          const { segments, length, dataOffset } = encodeBatch(written, place);
          const bytes = joined(segments);
          const read = decodeBatchHeader(bytes, place.tag, 4096, bytes.length)!;
          t.deepEqual(
            [bytes.length, lengthOf(read), indexedSizeOf(read), bytes.length % 8],
            [length, length, dataOffset, 0],
          );
          const body = decodeBatchBody(read, bytes.slice(0, dataOffset))!;
          t.deepEqual(body.metadata, written.metadata);
          t.deepEqual(body.metadataEnds, written.metadataEnds);
          t.deepEqual(body.timestamps, written.timestamps);
          t.deepEqual(body.dataEnds, written.dataEnds);
          t.deepEqual([body.producerId, read.sequence], [producer?.id, producer?.sequence ?? 0]);
          t.is(
            decodeBatchHeader(bytes, place.tag, 4096, bytes.length - 1),
            undefined,
            "A batch longer than its file was believed",
          );
          t.is(
            decodeBatchHeader(bytes, id.subarray(8), 4096, bytes.length),
            undefined,
            "A batch of another segment was believed",
          );
          t.is(
            decodeBatchHeader(bytes, place.tag, 4104, bytes.length),
            undefined,
            "A batch of another place was believed",
          );
        }
      }
    }
  }
});

test("metadata and data that are large are not copied", (t) => {
  const data = someBytes(100_000);
  const large = batchOf([{ text: "m".repeat(50_000), data }]);
  const { segments } = encodeBatch(large, place);
  t.true(segments.includes(data));
  t.true(segments.includes(large.metadata));
});

test("any changed bit of a header is noticed", (t) => {
  const sector = encodeSegmentHeader(header);
  const head = encodeHead({
    clean: true,
    generation: 5,
    epoch: 2,
    segmentId: id,
    ordinal: 3,
    firstOrdinal: 1,
    endId: 1002,
    length: 700,
    number: 41,
    chain: 9,
    durableId: 1002,
  });
  const encoded = joined(encodeBatch(batch, place).segments);
  for (let bit = 0; bit < 512 * 8; bit++) {
    t.is(decodeSegmentHeader(flipped(sector, bit)), "invalid");
    t.is(decodeHead(flipped(head, bit)), undefined);
  }
  for (let bit = 0; bit < 96 * 8; bit++)
    t.is(decodeBatchHeader(flipped(encoded, bit), place.tag, 4096, encoded.length), undefined);
});

test("a head whose newest slot is spoiled says what it said before", async (t) => {
  const storage = new SimulatedStorage();
  const file = await HeadFile.open(storage, "/head", 0);
  const state = {
    clean: false,
    epoch: 2,
    segmentId: id,
    ordinal: 3,
    firstOrdinal: 1,
    length: 700,
    number: 41,
    chain: 9,
  };
  for (const endId of [10, 20, 30]) {
    await file.write({ ...state, endId, durableId: endId });
    const sound = storage.bytesOf("/head");
    t.is((await HeadFile.read(storage, "/head"))?.endId, endId);
    for (const slot of [0, 4096]) {
      const spoiled = storage.afterKill();
      spoiled.replace("/head", sound.slice().fill(0xff, slot, slot + 512));
      const left = (await HeadFile.read(spoiled, "/head"))?.endId;
      t.true(left === endId || left === (endId === 10 ? undefined : endId - 10), `${left} is left of ${endId}`);
    }
  }
  await file.close();
});

test("a header of another version says which", (t) => {
  const bytes = encodeSegmentHeader(header);
  t.is(decodeSegmentHeader(bytes.subarray(0, 511)), "invalid");
  t.is(decodeSegmentHeader(new Uint8Array(512)), "invalid");
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >>> 3]! ^= 1 << (bit & 7);
  return copy;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
