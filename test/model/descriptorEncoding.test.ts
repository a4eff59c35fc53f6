import test from "ava";
import fc from "fast-check";
import { DataDescriptor } from "../../src/model/descriptor.ts";
import { isSluiceError, SluiceError } from "../../src/model/errors.ts";

const image = DataDescriptor.of({ topic: "images", partition: 1, id: 2 ** 40 + 5, size: 1000 });
const located = DataDescriptor.of({ topic: "a", partition: 0, id: 0, size: 50, location: new Uint8Array([1, 2, 3]) });
const rows = image.makeStridedView(10, 9, 7, 93);

const samples: Record<string, DataDescriptor> = {
  whole: image,
  "without data": DataDescriptor.of({ topic: "a", partition: 0, id: 0, size: 0 }),
  empty: image.makeSubView(0, 0),
  located,
  range: image.makeSubView(3, 900),
  strided: rows,
  list: image.makeUnstructuredView([
    [0, 1],
    [5, 10],
    [999, 1],
  ]),
  nested: rows.makeSubView(3, 50).makeUnstructuredView([
    [0, 5],
    [6, 20],
  ]),
  "at the limits": DataDescriptor.of({
    topic: "x".repeat(249),
    partition: 2 ** 32 - 1,
    id: Number.MAX_SAFE_INTEGER,
    size: Number.MAX_SAFE_INTEGER,
    location: new Uint8Array(0),
  }).makeSubView(Number.MAX_SAFE_INTEGER - 1, 1),
};

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** The error of decoding, undefined when it succeeds. */
function refusal(bytes: Uint8Array): unknown {
  try {
    // The ranges are part of it: a descriptor that decodes must also be able to tell what it selects.
    DataDescriptor.decode(bytes).ranges();
    return undefined;
  } catch (error) {
    return error;
  }
}

const decodesOrRefuses = (bytes: Uint8Array) => {
  const error = refusal(bytes);
  return error === undefined || isSluiceError(error, "ERR_DESCRIPTOR");
};

for (const [name, view] of Object.entries(samples)) {
  test(`decode() reads back what encode() wrote: ${name}`, (t) => {
    const copy = DataDescriptor.decode(view.encode());
    t.deepEqual(copy.origin, view.origin);
    t.is(copy.size, view.size);
    t.is(copy.isWhole, view.isWhole);
    t.deepEqual(copy.flatten(), view.flatten());
    t.deepEqual(copy.encode(), view.encode());
  });

  test(`decode() refuses every truncation and anything behind: ${name}`, (t) => {
    const bytes = view.encode();
    for (let length = 0; length < bytes.length; length++) {
      t.true(isSluiceError(refusal(bytes.subarray(0, length)), "ERR_DESCRIPTOR"), `cut to ${length} bytes`);
    }
    t.true(isSluiceError(refusal(new Uint8Array([...bytes, 0])), "ERR_DESCRIPTOR"));
  });

  test(`decode() survives every flipped bit: ${name}`, (t) => {
    const bytes = view.encode();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      t.true(decodesOrRefuses(flipped), `bit ${bit}`);
    }
  });
}

test("encode() writes version 1 as it always has", (t) => {
  const nested = located
    .makeStridedView(1, 6, 4, 3)
    .makeSubView(2, 20)
    .makeUnstructuredView([
      [0, 3],
      [5, 6],
    ]);
  const golden = [
    "01 01 01 61 00000000 0000000000000000 3200000000000000", // version, flags, topic "a", partition, id, size 50
    "03000000 010203", // location
    "02", // steps
    "02 0100000000000000 0600000000000000 0400000000000000 0300000000000000", // strided: 1, 6, 4, 3
    "03 02000000 0200000000000000 0300000000000000 0700000000000000 0600000000000000", // list: [2, 3], [7, 6]
  ].join("");
  t.is(toHex(nested.encode()), golden.replaceAll(" ", ""));
  t.deepEqual(DataDescriptor.decode(fromHex(golden)).flatten(), nested.flatten());
  // The id is 2^40 + 5, so both halves of a u64 are seen.
  const range =
    "01 00 06 696d61676573 01000000 0500000000010000 e803000000000000 01 01 0100000000000000 0200000000000000";
  t.is(toHex(image.makeSubView(1, 2).encode()), range.replaceAll(" ", ""));
});

test("encode() keeps a strided view small however many blocks it has", (t) => {
  const view = DataDescriptor.of({ topic: "t", partition: 0, id: 0, size: 1e9 });
  t.is(view.makeStridedView(0, 1_000_000, 8, 8).encode().length - view.encode().length, 33);
});

test("decode() keeps nothing of the bytes that it was given", (t) => {
  const bytes = located.encode();
  const copy = DataDescriptor.decode(bytes);
  bytes.fill(0);
  t.deepEqual(copy.origin.location, new Uint8Array([1, 2, 3]));
  t.is(copy.origin.topic, "a");
});

test("decode() reads from the middle of a larger buffer, a shared one too", (t) => {
  const bytes = located.encode();
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 10), 7, bytes.length);
  shared.set(bytes);
  t.deepEqual(DataDescriptor.decode(shared).origin, located.origin);
});

const head = "01 00 01 61 00000000 0000000000000000 0a00000000000000"; // 10 bytes of data
const u64 = (value: number) => toHex(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
const strided = (...numbers: number[]) => `02${numbers.map(u64).join("")}`;

const refusals: Record<string, [hex: string, message: RegExp]> = {
  "no bytes": ["", /cut short: 1 bytes are expected and 0 are left/],
  "another version": [`02${head.slice(2)}00`, /has version 2, and only version 1 can be read/],
  "unknown flags": [`01 02 ${head.slice(6)}00`, /unknown flags: current value is 2/],
  "a topic that cannot be": [head.replace("61", "2f") + "00", /names a topic that cannot be: current value is "\/"/],
  "a topic of no bytes": [head.replace("01 61", "00") + "00", /names a topic that cannot be/],
  "an unsafe id": [
    head.replace("0000000000000000", "0000000000002000") + "00",
    /beyond 2\^53 - 1: current value is 9007199254740992/,
  ],
  "a location beyond the end": [
    `01 01 ${head.slice(6)} ffffffff 00`,
    /cut short: 4294967295 bytes are expected and 1 are left/,
  ],
  "too many steps": [`${head} 11`, /at most 16 steps: current value is 17/],
  "a step of an unknown kind": [`${head} 01 04`, /unknown kind: current value is 4/],
  "a list beyond the end": [`${head} 01 03 ffffffff 00`, /4294967295 ranges do not fit into 1 bytes/],
  "a range out of bounds": [
    `${head} 01 01 ${u64(5)} ${u64(6)}`,
    /out of bounds: The blocks must end within 10 bytes: current value is 11/,
  ],
  "blocks out of bounds": [`${head} 01 ${strided(0, 3, 3, 1)}`, /out of bounds: .*current value is 11/],
  "blocks beyond all numbers": [`${head} 01 ${strided(0, 2, 2 ** 52, 2 ** 52)}`, /out of bounds: /],
  "too many blocks": [`${head} 01 ${strided(0, 1_048_577, 0, 0)}`, /at most 1048576 ranges: current value is 1048577/],
  "too many blocks in all": [
    `${head} 02 ${strided(0, 1_048_576, 0, 0)} ${strided(0, 1, 0, 0)}`,
    /at most 1048576 ranges/,
  ],
  "ranges that overlap": [`${head} 01 03 02000000 ${[0, 5, 4, 1].map(u64).join("")}`, /in order and not overlap/],
  "a step out of the one before": [
    `${head} 02 01 ${u64(0)} ${u64(5)} 01 ${u64(0)} ${u64(6)}`,
    /within 5 bytes: current value is 6/,
  ],
};

for (const [name, [hex, message]] of Object.entries(refusals)) {
  test(`decode() refuses ${name}`, (t) => {
    t.throws(() => DataDescriptor.decode(fromHex(hex)), { instanceOf: SluiceError, code: "ERR_DESCRIPTOR", message });
  });
}

test("decode() refuses what is not bytes as the caller's mistake", (t) => {
  for (const value of ["01", [1], new ArrayBuffer(3), undefined]) {
    t.throws(() => DataDescriptor.decode(value as never), {
      instanceOf: TypeError,
      message: /must be a Uint8Array/,
    });
  }
});

test("decode() answers random bytes with ERR_DESCRIPTOR at the worst", (t) => {
  const tails = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200, max: 4 }));
  const heads = fc.constantFrom("", "0100", "0100 01 61", head, `${head} 01`, `${head} 02 02`, `${head} 01 03`);
  const property = fc.property(heads, tails, (hex, tail) =>
    decodesOrRefuses(new Uint8Array([...fromHex(hex), ...tail])),
  );
  fc.assert(property, { numRuns: 10_000 });
  t.pass();
});

test("decode() answers damaged encodings with ERR_DESCRIPTOR at the worst", (t) => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 127, 128, 255)), { minLength: 1, maxLength: 6 });
  const property = fc.property(fc.constantFrom(...Object.values(samples)), edits, (view, changes) => {
    const bytes = view.encode();
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return decodesOrRefuses(bytes);
  });
  fc.assert(property, { numRuns: 10_000 });
  t.pass();
});

test("decode() gives views that are bounded, the costliest too", (t) => {
  const size = 2 ** 50;
  const whole = DataDescriptor.of({ topic: "t", partition: 0, id: 0, size }).encode();
  const blocks = 1_048_576 - 15 * 2;
  // Each of the steps behind the first keeps nearly all of its ranges, so each takes a walk over all of them.
  const steps = Array.from({ length: 15 }, (_, i) => strided(0, 2, blocks * 2 ** 19 - 1 - i, 1));
  const all = [strided(0, blocks, 2 ** 20, 1), ...steps];
  const deep = DataDescriptor.decode(new Uint8Array([...whole.subarray(0, -1), 16, ...fromHex(all.join(""))]));
  t.is(deep.ranges().length / 2, blocks);
});
