import test from "ava";
import { fc, testProp } from "@fast-check/ava";
import { compressorOf, decompress } from "../../backends/kafka/compression.ts";
import { maxPlainLength } from "../../backends/kafka/maxPlainLength.ts";
import { CompressionThread } from "../../backends/kafka/compressionThread.ts";

const snappy = 2;

for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
  testProp(
    `${compression}: what is compressed comes back, and what was given stays as it is`,
    [fc.uint8Array({ maxLength: 5000 })],
    async (t, bytes) => {
      const given = bytes.slice();
      const { bits, compress } = compressorOf(compression)!;
      const compressed = await compress(given);
      t.deepEqual(given, bytes);
      t.deepEqual(new Uint8Array(await decompress(bits, compressed)), bytes);
    },
    { numRuns: 50 },
  );

  test(`${compression}: noise is refused with ERR_STORAGE, and what comes after it is not`, async (t) => {
    const { bits, compress } = compressorOf(compression)!;
    await t.throwsAsync(decompress(bits, Uint8Array.of(255, 254, 253, 1, 2, 3, 4, 5)), { code: "ERR_STORAGE" });
    const bytes = new Uint8Array(1000).fill(7);
    t.deepEqual(new Uint8Array(await decompress(bits, await compress(bytes))), bytes);
  });
}

for (const compression of ["snappy", "lz4"] as const) {
  testProp(
    `${compression}: what the bytes say of their length is right, to a block`,
    [fc.integer({ min: 0, max: 300_000 }), fc.boolean()],
    async (t, size, isNoise) => {
      const bytes = new Uint8Array(size);
      if (isNoise) for (let i = 0, x = 1; i < size; i++) bytes[i] = x = (x * 48271) % 2147483647;
      const length = maxPlainLength(compression, await compressorOf(compression)!.compress(bytes));
      t.true(length >= size && length < size + (4 << 20));
    },
    { numRuns: 30 },
  );
}

test("a few bytes that would fill the memory are ERR_STORAGE before they are taken apart", async (t) => {
  const endless = (bytes: number[], again: number[], times: number) =>
    Uint8Array.from([...bytes, ...Array.from({ length: times }, () => again).flat()]);
  const snappyBytes = endless([0xff, 0xff, 0xff, 0xff, 0x0f], [0], 10);
  const java = endless(
    [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1],
    [0, 0, 0, 5, 0x80, 0x80, 0x80, 0x80, 1],
    3,
  );
  // 129 blocks of at most 4 MiB, each of one byte.
  const lz4 = endless([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73], [1, 0, 0, 0, 0], 129);
  for (const [bits, bytes] of [
    [2, snappyBytes],
    [2, java],
    [3, lz4],
  ] as const) {
    const error = await t.throwsAsync(decompress(bits, bytes), { code: "ERR_STORAGE" });
    t.regex(String(error.cause), /RangeError: They come to \d+ bytes, of at most 536870912/);
  }
});

test("nothing at all is compressed also where the memory of the library has just grown", async (t) => {
  const thread = new CompressionThread();
  t.teardown(() => thread.close());
  for (let size = 4000; size < 400_000; size = Math.ceil(size * 1.07)) {
    await thread.run(
      "compress",
      snappy,
      new Uint8Array(size).map((_, i) => (i * 48_271) >> 3),
    );
    t.deepEqual(await thread.run("compress", snappy, new Uint8Array(0)), Uint8Array.of(0));
  }
});

test("a compression that the protocol does not know is ERR_STORAGE", async (t) => {
  await t.throwsAsync(decompress(7, new Uint8Array(10)), { code: "ERR_STORAGE", message: /cannot be decompressed/ });
});

test("what a thread that ended has not done fails, and the next task starts another one", async (t) => {
  const thread = new CompressionThread();
  t.teardown(() => thread.close());
  const lost = thread.run("compress", 3, new Uint8Array(1000));
  await thread.close();
  await t.throwsAsync(lost, { message: /has ended/ });
  const compressed = await thread.run("compress", 3, new Uint8Array(1000));

  t.deepEqual(await thread.run("decompress", 3, compressed), new Uint8Array(1000));
});
