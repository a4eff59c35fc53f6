import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { DataWalker } from "../../../backends/kafka/records/slices.ts";
import { claimAt, formatClaim, locationOf, parseClaim } from "../../../backends/kafka/records/location.ts";
import { Claims, piecesOf } from "../../../backends/kafka/store/claims.ts";
import type { DataStore } from "../../../backends/kafka/store/dataStore.ts";
import type { EventBatch } from "../../../src/index.ts";
import { batchOf } from "../../conformance/world.ts";

const { signal } = new AbortController();

/** A store in memory that counts what is read. */
function memoryStore(): DataStore & { readonly objects: Map<string, Uint8Array>; bytesRead: number } {
  const objects = new Map<string, Uint8Array>();
  const store = {
    objects,
    bytesRead: 0,
    put: async (key: string, segments: readonly Uint8Array[]) => {
      objects.set(key, new Uint8Array(Buffer.concat(segments)));
    },
    read: async (key: string, offset: number, size: number) => {
      store.bytesRead += size;
      const object = objects.get(key);
      return object === undefined || offset + size > object.length ? undefined : object.slice(offset, offset + size);
    },
  };
  return store;
}

/** A batch of one event whose data lies in segments. */
function withData(data: readonly Uint8Array[], size: number): EventBatch {
  return { ...batchOf([{}]), data, dataEnds: Float64Array.of(size) };
}

test("a claim is written as text and read again, and is nothing when its key leads elsewhere", (t) => {
  const claim = { size: 33_554_432, key: "collisions/2026-11-26/0-6f9619ff" };
  const text = formatClaim(claim);

  t.deepEqual(parseClaim(text), claim);
  t.deepEqual(claimAt(locationOf({ where: "store", text })), claim);
  t.is(locationOf({ where: "store", text }).size, claim.size);
  for (const wrong of ["", "1", "x@a/b", "1@../b", "1@/b", "99999999999999999@a/b"])
    t.is(parseClaim(wrong), undefined, wrong);
});

testProp(
  "any ranges of data are what was stored there, and little more is read",
  [fc.array(fc.tuple(fc.nat(200_000), fc.integer({ min: 0, max: 5000 })), { maxLength: 8 })],
  async (t, gaps) => {
    const size = 2_000_000;
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 253);
    const store = memoryStore();
    const claims = new Claims("collisions", store, 60_000);
    const batch = withData([bytes.subarray(0, 700_000), bytes.subarray(700_000)], size);
    const text = await claims.store(batch, new DataWalker(batch), 0, 0);
    let at = 0;
    const ranges: number[] = [];
    for (const [gap, length] of gaps) {
      if (at + gap + length > size) break;
      ranges.push(at + gap, length);
      at += gap + length;
    }
    const parts = await claims.fetch(parseClaim(text)!, Float64Array.from(ranges), undefined, signal);
    const expected: Uint8Array[] = [];
    for (let i = 0; i < ranges.length; i += 2) expected.push(bytes.subarray(ranges[i], ranges[i]! + ranges[i + 1]!));

    t.deepEqual(Buffer.concat(parts), Buffer.concat(expected));
    const wanted = expected.reduce((sum, { length }) => sum + length, 0);
    t.true(store.bytesRead <= wanted + 65_536 * Math.max(0, expected.length - 1));
  },
);

test("ranges that lie close together are one piece, and others are pieces of their own", (t) => {
  const pieces = piecesOf(Float64Array.of(0, 10, 20, 10, 1_000_000, 5));

  t.deepEqual(
    pieces.map(({ offset, end, ranges }) => [offset, end, [...ranges]]),
    [
      [0, 30, [0, 10, 20, 10]],
      [1_000_000, 1_000_005, [1_000_000, 5]],
    ],
  );
});

test("data goes where the allocator wants it", async (t) => {
  const claims = new Claims("collisions", memoryStore(), 60_000);
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const batch = withData([bytes], 100);
  const claim = parseClaim(await claims.store(batch, new DataWalker(batch), 0, 0))!;
  const into = [new Uint8Array(3), new Uint8Array(7)];
  await claims.fetch(claim, Float64Array.of(10, 10), into, signal);

  t.deepEqual(Buffer.concat(into), Buffer.from(bytes.subarray(10, 20)));
});

test("a claim of another topic, a missing object and one that is too short are ERR_STORAGE", async (t) => {
  const store = memoryStore();
  store.objects.set("secrets/one", new Uint8Array(10));
  store.objects.set("collisions/short", new Uint8Array(10));
  const claims = new Claims("collisions", store, 60_000);
  const range = Float64Array.of(0, 10);

  await t.throwsAsync(claims.fetch({ key: "secrets/one", size: 10 }, range, undefined, signal), {
    code: "ERR_STORAGE",
  });
  await t.throwsAsync(claims.fetch({ key: "collisions/none", size: 10 }, range, undefined, signal), {
    code: "ERR_STORAGE",
  });
  const long = Float64Array.of(0, 11);
  await t.throwsAsync(claims.fetch({ key: "collisions/short", size: 11 }, long, undefined, signal), {
    code: "ERR_STORAGE",
  });
  await t.throwsAsync(claims.fetch({ key: "collisions/short", size: 10 }, long, undefined, signal), {
    code: "ERR_STORAGE",
  });
});

test("who has no store is told so", async (t) => {
  const claims = new Claims("collisions", undefined, 60_000);

  await t.throwsAsync(claims.fetch({ key: "collisions/one", size: 1 }, Float64Array.of(0, 1), undefined, signal), {
    code: "ERR_UNSUPPORTED",
  });
});
