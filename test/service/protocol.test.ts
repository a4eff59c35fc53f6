import test from "ava";
import fc from "fast-check";
import {
  decodeAppend,
  decodeAppended,
  encodeAppend,
  encodeAppended,
} from "../../backends/service/protocol/appendCodec.ts";
import { decodeJson, decodeObject, encodeJson } from "../../backends/service/protocol/boundedJson.ts";
import { decodeError, encodeError } from "../../backends/service/protocol/errorCodec.ts";
import { decodeFetch, encodeFetch } from "../../backends/service/protocol/fetchCodec.ts";
import { encodeHeader, maxFrameBytes, messageTypes } from "../../backends/service/protocol/frame.ts";
import { FrameDecoder } from "../../backends/service/protocol/frameDecoder.ts";
import { FrameSender } from "../../backends/service/protocol/frameSender.ts";
import { decodeHello, decodeWelcome, encodeHello } from "../../backends/service/protocol/handshake.ts";
import { decodeLeases, decodeNumbers, encodeLeases } from "../../backends/service/protocol/leaseCodec.ts";
import { decodeBatch, decodeRead, encodeBatch, encodeRead } from "../../backends/service/protocol/readCodec.ts";
import {
  decodeTransact,
  decodeTransacted,
  encodeTransact,
  encodeTransacted,
} from "../../backends/service/protocol/transactCodec.ts";
import type { Wire } from "../../backends/service/protocol/wire.ts";
import { isSluiceError, SluiceError, type BatchKeys, type EventBatch, type StoredBatch } from "../../src/index.ts";
import { framesOf, messagesIn } from "./frames.ts";
import { amount } from "./tiers.ts";
import { random } from "./random.ts";

const seed = Number(process.env["SLUICE_SEED"] ?? Date.now() % 1e9);
const rounds = amount("SLUICE_FUZZ", { quick: 10_000, soak: 1_000_000 });

const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 30 });

function endsOf(counts: readonly number[]): number[] {
  let end = 0;
  return counts.map((count) => (end += count));
}

function bytesFor(counts: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: endsOf(counts).at(-1)! }, (_, i) => (i * 7) & 0xff);
}

/** A batch with as many bytes of metadata and data for its events as the lists say. */
function batchOf(metadata: readonly number[], data: readonly number[] | undefined, id: string | undefined): EventBatch {
  const dataSizes = data && metadata.map((_, i) => data[i % data.length]!);
  const bytes = dataSizes && bytesFor(dataSizes);
  return {
    count: metadata.length,
    metadata: bytesFor(metadata),
    metadataEnds: Uint32Array.from(endsOf(metadata)),
    timestamps: Float64Array.from(metadata, (_, i) => 1e12 + i),
    data:
      bytes === undefined || bytes.length === 0
        ? []
        : [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)],
    dataEnds: dataSizes && Float64Array.from(endsOf(dataSizes)),
    producer: id === undefined ? undefined : { id, sequence: 17 },
  };
}

/** A key for each event; every third one is gone with it. */
function keysFor(count: number, keys: readonly string[]): BatchKeys {
  return {
    keys: Array.from({ length: count }, (_, i) => keys[i % keys.length]!),
    tombstones: Uint8Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  };
}

test("a batch comes back as it was appended", (t) => {
  fc.assert(
    fc.property(
      sizes,
      fc.option(sizes, { nil: undefined }),
      fc.option(fc.string({ maxLength: 50, unit: "grapheme" }), { nil: undefined }),
      fc.constantFrom(undefined, "memory", "os", "disk", "replicated"),
      fc.option(fc.array(fc.string({ maxLength: 9, unit: "grapheme" }), { minLength: 1 }), { nil: undefined }),
      (metadata, data, id, durability, keys) => {
        const batch: EventBatch = {
          ...batchOf(metadata, data, id),
          ...(durability !== undefined && { durability }),
          ...(keys !== undefined && { keys: keysFor(metadata.length, keys) }),
        };
        const message = decodeAppend(aligned(encodeAppend({ handle: 3, partition: 9, batch })));
        t.deepEqual([message.handle, message.partition], [3, 9]);
        t.deepEqual({ ...message.batch, data: joined(message.batch.data) }, { ...batch, data: joined(batch.data) });
      },
    ),
    { seed, numRuns: 300 },
  );
});

test("a transaction comes back as it was sent, and so do the ids of what it has stored", (t) => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), fc.option(sizes, { nil: undefined }), (batches, data) => {
      const appends = batches.map((metadata, i) => ({
        handle: i,
        partition: 9,
        batch: batchOf(metadata, data, `p${i}`),
      }));
      const message = decodeTransact(aligned(encodeTransact({ lease: 2 ** 47, position: 2 ** 40, appends })));
      t.deepEqual([message.lease, message.position], [2 ** 47, 2 ** 40]);
      const whole = (all: readonly { readonly batch: EventBatch }[]) =>
        all.map((append) => ({ ...append, batch: { ...append.batch, data: joined(append.batch.data) } }));
      t.deepEqual(whole(message.appends), whole(appends));
      const appended = batches.map((metadata, i) =>
        i % 2 === 0 ? { firstId: i } : { firstId: i, ids: Float64Array.from(metadata, (_, k) => i + 2 * k) },
      );
      const counts = batches.map(({ length }) => length);
      t.deepEqual(decodeTransacted(aligned(encodeTransacted(appended)), counts), appended);
    }),
    { seed, numRuns: 300 },
  );
  const append = { handle: 1, partition: 2, batch: batchOf([3], undefined, undefined) };
  const twice = aligned(encodeTransact({ lease: 1, position: 1, appends: [append, append] }));
  t.throws(() => decodeTransact(twice), { code: "ERR_PROTOCOL", message: /two batches for one partition/ });
});

test("what is kept of a batch does not keep its data, nor the batches that came with it", (t) => {
  const bytesHeld = ({ metadata, timestamps, metadataEnds, dataEnds }: EventBatch) =>
    Math.max(...[metadata, timestamps, metadataEnds, dataEnds!].map(({ buffer }) => buffer.byteLength));
  const small = { handle: 1, partition: 2, batch: batchOf([3], [4], undefined) };
  const large = { ...small, partition: 3, batch: batchOf([3], [100_000], undefined) };
  t.true(bytesHeld(decodeAppend(aligned(encodeAppend(large))).batch) < 100);
  const both = decodeTransact(aligned(encodeTransact({ lease: 1, position: 1, appends: [small, large] })));
  for (const { batch } of both.appends) t.true(bytesHeld(batch) < 100);
});

test("a batch comes back as it was read", (t) => {
  fc.assert(
    fc.property(sizes, fc.nat(15), (metadata, parts) => {
      const [hasIds, hasData, hasLocations, hasProducers] = [1, 2, 4, 8].map((part) => (parts & part) !== 0);
      const ends = endsOf(metadata);
      const batch: StoredBatch = {
        count: metadata.length,
        firstId: 40,
        ids: hasIds ? Float64Array.from(ends, (end, i) => 40 + end + i) : undefined,
        next: 5000,
        metadata: bytesFor(metadata),
        metadataEnds: Uint32Array.from(ends),
        timestamps: Float64Array.from(metadata, (_, i) => i / 3),
        dataEnds: hasData ? Float64Array.from(ends, (end) => end * 2 ** 33) : undefined,
        producers: hasProducers
          ? metadata.map((size, index) => ({
              index,
              producer: size % 3 === 0 ? undefined : { id: `é${size}`, sequence: size },
            }))
          : undefined,
        locations: hasLocations
          ? metadata.map((size) => (size % 3 === 0 ? undefined : new Uint8Array(size).fill(size)))
          : undefined,
        lost: undefined,
      };
      t.deepEqual(decodeBatch(aligned(encodeBatch(batch))), batch);
    }),
    { seed, numRuns: 300 },
  );
});

test("a batch of lost events says so", (t) => {
  const nothing = { metadata: new Uint8Array(0), metadataEnds: new Uint32Array(0), timestamps: new Float64Array(0) };
  const batch: StoredBatch = { count: 0, firstId: 5, next: 9, ...nothing, dataEnds: undefined, lost: true };
  t.true(decodeBatch(aligned(encodeBatch(batch))).lost);
});

test("requests and small answers come back as they were sent", (t) => {
  const read = { handle: 1, partition: 2, position: 2 ** 40, limits: { maxEvents: 7, maxBytes: 9 } };
  t.deepEqual(decodeRead(aligned(encodeRead(read))), read);
  const reads = [
    { id: 4, location: undefined, ranges: Float64Array.of(0, 10, 20, 5) },
    { id: 5, location: new Uint8Array([1, 2, 3]), ranges: Float64Array.of(7, 1) },
  ];
  t.deepEqual(decodeFetch(aligned(encodeFetch({ handle: 1, partition: 2, reads }))), {
    handle: 1,
    partition: 2,
    reads,
  });
  t.deepEqual(decodeAppended(aligned(encodeAppended({ firstId: 6 })), 3), { firstId: 6 });
  const ids = Float64Array.of(6, 8, 9);
  t.deepEqual(decodeAppended(aligned(encodeAppended({ firstId: 6, ids })), 3), { firstId: 6, ids });
  const leases = {
    partitions: 4,
    leases: [{ lease: 2 ** 47, partition: 3, epoch: 1, position: undefined, revoked: true }],
  };
  t.deepEqual(decodeLeases(aligned(encodeLeases(leases))), { ...leases, places: undefined });
});

test("an error crosses with its code, message and details, and without its stack or cause", (t) => {
  const error = new SluiceError("ERR_FENCED", "gone", { cause: new Error("/secret/path"), details: { partition: 3 } });
  const text = Buffer.from(encodeError(error)).toString();
  t.false(/secret|stack|cause|\bat /.test(text));
  const back = decodeError(encodeError(error));
  t.deepEqual([back.code, back.message, back.details], ["ERR_FENCED", "gone", { partition: 3 }]);
});

test("of an error that is none of ours nothing crosses but that there was one", (t) => {
  const text = Buffer.from(encodeError(new Error("password=hunter2"))).toString();
  t.false(text.includes("hunter2"));
  t.is(decodeError(encodeError(new TypeError("x"))).code, "ERR_STORAGE");
});

test("JSON that is nested too deep, or reaches into a prototype, is refused", (t) => {
  t.notThrows(() => decodeJson(encodeJson({ a: [{ b: "[[[[{{{{" }] })));
  const deep = Buffer.from("[".repeat(100_000) + "]".repeat(100_000));
  for (const bytes of [
    deep,
    Buffer.from('{"__proto__":{"a":1}}'),
    Buffer.from('[{"constructor":1}]'),
    Buffer.from('{"a":{"prototype":1}}'),
  ]) {
    t.throws(() => decodeJson(bytes), { instanceOf: SluiceError, code: "ERR_PROTOCOL" });
  }
  t.throws(() => decodeObject(Buffer.from("[1]")), { code: "ERR_PROTOCOL" });
  t.throws(() => decodeJson(new Uint8Array([0xff, 0xfe])), { code: "ERR_PROTOCOL" });
});

test("messages come whole however the bytes are cut", (t) => {
  const sent = [10, 0, 70_000, 3, 200_000].map((size, i) => ({
    type: messageTypes.append,
    stream: i + 1,
    body: bytesFor([size]),
  }));
  const bytes = Buffer.concat(sent.map(({ type, stream, body }) => framesOf(type, stream, [body])));
  const next = random(seed);
  for (let run = 0; run < 20; run++) {
    const messages = messagesIn(bytes, (decoder) => {
      for (let at = 0; at < bytes.length;) {
        const count = 1 + Math.floor(next() ** 4 * 100_000);
        decoder.push(bytes.subarray(at, at + count));
        at += count;
      }
    });
    t.deepEqual(
      messages,
      sent.map((each) => ({ ...each, flags: 0 })),
    );
  }
});

test("messages of several streams that take turns are put together each on its own", (t) => {
  const bodies = [1, 2, 3].map((stream) => new Uint8Array(150_000).fill(stream));
  const frames = bodies.map((body, i) => framesOf(messageTypes.bytes, i + 1, [body]));
  const frameSize = 16 + maxFrameBytes;
  const turns = [0, 1, 2].flatMap((turn) =>
    frames.map((bytes) => bytes.subarray(turn * frameSize, (turn + 1) * frameSize)),
  );
  t.deepEqual(
    messagesIn(Buffer.concat(turns)).map(({ stream, body }) => [stream, body]),
    bodies.map((body, i) => [i + 1, body]),
  );
});

test("a header that cannot be is refused before memory is taken", (t) => {
  const admitted: number[] = [];
  const push = (...headers: Parameters<typeof encodeHeader>[0][]) => {
    const decoder = new FrameDecoder({ message: () => {}, admit: (_header, size) => admitted.push(size) });
    for (const header of headers) {
      decoder.push(encodeHeader(header));
      decoder.push(new Uint8Array(Math.min(header.length, maxFrameBytes)));
    }
  };
  const header = { length: 10, rest: 0, stream: 1, type: messageTypes.append, flags: 0 };
  const full = { ...header, length: maxFrameBytes, rest: 100 };
  t.throws(() => push({ ...header, length: maxFrameBytes + 1 }), { code: "ERR_PROTOCOL" });
  t.throws(() => push({ ...header, rest: 1 }), { code: "ERR_PROTOCOL" }, "a crumb");
  t.deepEqual(admitted, []);
  t.throws(() => push(full, { ...header, length: 99 }), { code: "ERR_PROTOCOL" }, "a length that does not fit");
  t.throws(
    () => push(full, { ...header, length: 100, type: messageTypes.fetch }),
    { code: "ERR_PROTOCOL" },
    "another type",
  );
  const many = Array.from({ length: 4097 }, (_, stream) => ({ ...full, stream }));
  t.throws(() => push(...many), { code: "ERR_PROTOCOL" }, "too many at once");
});

test("what is not admitted is not allocated", (t) => {
  const decoder = new FrameDecoder({
    message: () => t.fail(),
    admit: () => {
      throw new SluiceError("ERR_TOO_LARGE", "no");
    },
    target: () => {
      throw new Error("Memory is taken");
    },
  });
  const header = encodeHeader({ length: maxFrameBytes, rest: 0xffff_0000, stream: 1, type: 11, flags: 0 });
  t.throws(() => decoder.push(header), { code: "ERR_TOO_LARGE" });
});

const decoders: Readonly<Record<string, { decode: (body: Uint8Array) => unknown; valid: readonly Uint8Array[] }>> = {
  append: {
    decode: decodeAppend,
    valid: encodeAppend({ handle: 1, partition: 0, batch: batchOf([5, 9, 0], [3, 8], "p") }),
  },
  appended: {
    decode: (body) => decodeAppended(body, 2),
    valid: encodeAppended({ firstId: 1, ids: Float64Array.of(1, 2) }),
  },
  transact: {
    decode: decodeTransact,
    valid: encodeTransact({
      lease: 5,
      position: 6,
      appends: [0, 1].map((partition) => ({ handle: 1, partition, batch: batchOf([5, 9, 0], [3, 8], "p") })),
    }),
  },
  transacted: {
    decode: (body) => decodeTransacted(body, [2, 1]),
    valid: encodeTransacted([{ firstId: 1, ids: Float64Array.of(1, 2) }, { firstId: 7 }]),
  },
  read: {
    decode: decodeRead,
    valid: encodeRead({ handle: 1, partition: 0, position: 5, limits: { maxEvents: 1, maxBytes: 1 } }),
  },
  fetch: {
    decode: decodeFetch,
    valid: encodeFetch({
      handle: 1,
      partition: 0,
      reads: [{ id: 1, location: new Uint8Array(3), ranges: Float64Array.of(0, 4) }],
    }),
  },
  batch: {
    decode: decodeBatch,
    valid: encodeBatch({
      count: 2,
      firstId: 1,
      next: 3,
      metadata: new Uint8Array(6),
      metadataEnds: Uint32Array.of(2, 6),
      timestamps: Float64Array.of(1, 2),
      dataEnds: Float64Array.of(1, 1),
      locations: [undefined, new Uint8Array(2)],
      producers: [{ index: 1, producer: { id: "p", sequence: 7 } }],
    }),
  },
  leases: {
    decode: decodeLeases,
    valid: encodeLeases({ partitions: 1, leases: [{ lease: 1, partition: 0, epoch: 1, position: 2, revoked: false }] }),
  },
  numbers: { decode: (body) => decodeNumbers(body, 2), valid: [new Uint8Array(16)] },
  hello: { decode: decodeHello, valid: encodeHello({ session: "0".repeat(32), again: true, joins: [1] }) },
  welcome: {
    decode: decodeWelcome,
    valid: [encodeJson({ version: 1, service: "x", capabilities: {}, heartbeat: 1, limits: {} })],
  },
  error: { decode: decodeError, valid: [encodeJson({ code: "ERR_FENCED", message: "x", details: {} })] },
};

for (const [name, { decode, valid }] of Object.entries(decoders)) {
  test(`whatever bytes come as ${name}, they are read or refused with ERR_PROTOCOL`, (t) => {
    const original = aligned(valid);
    const next = random(seed);
    let refused = 0;
    for (let round = 0; round < rounds / 10; round++) {
      const body = damaged(original, next);
      try {
        decode(body);
      } catch (error) {
        refused++;
        if (!isSluiceError(error, "ERR_PROTOCOL"))
          t.fail(`seed ${seed}, round ${round}: ${String(error)} for ${Buffer.from(body).toString("hex")}`);
      }
    }
    t.true(refused > 0);
  });
}

test("whatever bytes come, the decoder of frames gives messages or refuses with ERR_PROTOCOL", (t) => {
  const next = random(seed);
  const original = Buffer.concat([
    framesOf(11, 1, [new Uint8Array(50)]),
    framesOf(13, 2, [new Uint8Array(24)]),
    framesOf(3, 0, []),
  ]);
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = damaged(original, next);
    let allocated = 0;
    const decoder = new FrameDecoder({
      message: () => {},
      admit: (_header, size) => {
        if (size > 1 << 20) throw new SluiceError("ERR_PROTOCOL", "too large");
        allocated += size;
      },
    });
    try {
      decoder.push(bytes);
    } catch (error) {
      refused++;
      if (!isSluiceError(error, "ERR_PROTOCOL")) t.fail(`seed ${seed}, round ${round}: ${String(error)}`);
    }
    if (allocated > 5 << 20) t.fail(`seed ${seed}, round ${round}: ${allocated} bytes`);
  }
  t.true(refused > 0);
});

test("a small message does not wait for a large one of another channel", (t) => {
  const written: number[] = [];
  const wire = wireThat((parts) => void written.push(...messageHeads(parts)));
  const sender = new FrameSender(wire);
  sender.send({ type: 11, stream: 1, channel: "large", segments: [new Uint8Array(10 << 20)] });
  sender.send({ type: 11, stream: 2, channel: "small", segments: [new Uint8Array(10)] });
  sender.send({ type: 13, stream: 3, channel: 0, segments: [new Uint8Array(24)] });
  sender.flush();

  t.deepEqual(written.slice(0, 3), [3, 1, 2]);
  t.is(written.filter((stream) => stream === 1).length, (10 << 20) / maxFrameBytes);
});

test("messages of one channel keep their order, and no more is handed over than the wire takes", (t) => {
  const written: number[] = [];
  let hasRoom = false;
  const wire = wireThat(
    (parts) => void written.push(...messageHeads(parts)),
    () => hasRoom,
  );
  const sender = new FrameSender(wire);
  for (const stream of [1, 2, 3])
    sender.send({ type: 11, stream, channel: "one", segments: [new Uint8Array(600_000)] });
  sender.flush();
  const first = written.length;
  sender.flush();
  t.true(first * maxFrameBytes < 700_000);
  t.is(written.length, first);
  hasRoom = true;
  sender.drained();
  t.deepEqual(
    written,
    [...written].sort((a, b) => a - b),
  );
  t.is(new Set(written).size, 3);
});

/** One piece of memory, as a decoder of frames gives it. */
function aligned(segments: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(segments));
}

function joined(segments: readonly Uint8Array[]): Uint8Array {
  return aligned(segments);
}

/** Some bytes with some bits turned, cut, made longer, or with a number set to an extreme. */
function damaged(original: Uint8Array, next: () => number): Uint8Array {
  const bytes = original.slice(0, next() < 0.2 ? Math.floor(next() * original.length) : original.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 1 + next() * 3 && bytes.length > 8; i++) {
    const at = Math.floor(next() * (bytes.length - 8));
    const kind = next();
    if (kind < 0.5) bytes[at] = Math.floor(next() * 256);
    else if (kind < 0.75) view.setUint32(at, [0, 1, 0x7fff_ffff, 0xffff_ffff][Math.floor(next() * 4)]!, true);
    else view.setFloat64(at, [NaN, Infinity, -1, 2 ** 53, 1e300, 0.5][Math.floor(next() * 6)]!, true);
  }
  if (next() > 0.1) return bytes;
  return new Uint8Array(Buffer.concat([bytes, new Uint8Array(Math.floor(next() * 20))]));
}

function wireThat(write: (parts: readonly Uint8Array[]) => void, hasRoom: () => boolean = () => true): Wire {
  const nothing = () => {};
  return {
    peer: "test",
    buffered: 0,
    listen: nothing,
    write: (parts) => {
      write(parts);
      return hasRoom();
    },
    pause: nothing,
    resume: nothing,
    end: nothing,
    destroy: nothing,
  };
}

/** The stream of each frame. */
function messageHeads(parts: readonly Uint8Array[]): number[] {
  const bytes = Buffer.concat(parts);
  const streams: number[] = [];
  for (let at = 0; at < bytes.length; at += 16 + bytes.readUInt32LE(at)) streams.push(bytes.readUInt32LE(at + 8));
  return streams;
}
