import { batchHeaderSize, decodeBatchHeader, indexedSizeOf, lengthOf } from "../../backends/log/format/batchHeader.ts";
import { decodeBatchBody } from "../../backends/log/format/decodeBatchBody.ts";
import { encodeBatch } from "../../backends/log/format/encodeBatch.ts";
import { crc32c } from "../../backends/log/format/crc32c.ts";
import { decodeHead, encodeHead } from "../../backends/log/format/headFile.ts";
import { decodeSegmentFooter, encodeSegmentFooter } from "../../backends/log/format/segmentFooter.ts";
import { decodeSegmentHeader, encodeSegmentHeader, noPredecessor } from "../../backends/log/format/segmentHeader.ts";
import { decodeCursors, encodeCursors } from "../../backends/log/cursorLog.ts";
import { decodeTopic, encodeTopic } from "../../backends/log/topicFile.ts";
import { decodeDescriptor, encodeDescriptor } from "../../src/model/descriptorEncoding.ts";
import type { TextSerializer } from "../../src/model/component.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/model/serializers/utf8.ts";
import type { JsonSchemaObject } from "../../src/model/validators/inferJsonSchema.ts";
import { json } from "../../src/model/serializers/json.ts";
import { packed } from "../../src/model/serializers/packed.ts";
import { asUndecodable } from "../../src/model/serializers/serializationErrors.ts";
import { text } from "../../src/model/serializers/text.ts";
import { loadCbor } from "../../src/components/cbor.ts";
import { batchOf, joined, someBytes } from "../log/support.ts";

/** A decoder and what it is to be fed with. */
export interface Subject {
  readonly name: string;
  /** Valid inputs, of which others are made. */
  readonly samples: readonly Uint8Array[];
  /** Puts the right checksum into a changed input, so that what is behind the checksum is reached as well. */
  readonly seal?: (bytes: Uint8Array) => void;
  /** Reads it. Errors with one of `codes` are answers, any other is a crash. */
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly codes: readonly string[];
  /** The most that a byte of the input may become: a bit can stand for a value. */
  readonly growth: number;
}

const id = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
const tag = id.subarray(0, 8);
const place = { tag, position: 0, baseId: 5, number: 2, durableMark: 4, epoch: 1, chain: 77 };
const shapes = [
  batchOf([{ text: "a" }]),
  batchOf([{ text: "first", data: someBytes(20) }, { text: "second" }], { id: "app/1", sequence: 7 }),
  batchOf(Array.from({ length: 30 }, (_, i) => ({ text: `event ${i}`, data: someBytes(i * 9) }))),
];
const batches = shapes.map((batch) => joined(encodeBatch(batch, place).segments));
const header = { id, ordinal: 3, baseId: 9, baseNumber: 4, epoch: 1, created: 5, predecessor: noPredecessor };
const head = { clean: true, generation: 5, epoch: 2, segmentId: id, ordinal: 3, firstOrdinal: 1 };
const producers = [
  [
    "app/1",
    [
      [0, 5, 0],
      [5, 2, 9],
    ],
  ],
  ["b", []],
] as const;
const config = {
  partitions: 2,
  components: {
    validator: { type: "accept-all" },
    partitionSelector: { type: "round-robin" },
    serializer: { type: "json" },
  },
};

function put(bytes: Uint8Array, at: number, checksum: number): void {
  if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, checksum, true);
}

function sealAt(at: number, from: number, to?: number): (bytes: Uint8Array) => void {
  return (bytes) => put(bytes, at, crc32c(bytes.subarray(from, to)));
}

const ofTheLog: readonly Subject[] = [
  {
    name: "batch header",
    samples: batches,
    seal: sealAt(4, 8, batchHeaderSize),
    codes: [],
    growth: 8,
    decode(bytes) {
      const found = decodeBatchHeader(bytes, tag, 0, bytes.length);
      if (found !== undefined && lengthOf(found) > bytes.length) throw new Error("It is longer than its file");
      return found;
    },
  },
  {
    name: "batch body",
    samples: batches,
    seal(bytes) {
      put(bytes, 4, crc32c(bytes.subarray(8, batchHeaderSize)));
      const found = decodeBatchHeader(bytes, tag, 0, bytes.length);
      if (found === undefined) return;
      put(bytes, 60, crc32c(bytes.subarray(batchHeaderSize, indexedSizeOf(found))));
      put(bytes, 4, crc32c(bytes.subarray(8, batchHeaderSize)));
    },
    codes: [],
    growth: 8,
    decode(bytes) {
      const found = decodeBatchHeader(bytes, tag, 0, bytes.length);
      return found && decodeBatchBody(found, bytes.subarray(0, indexedSizeOf(found)));
    },
  },
  {
    name: "segment header",
    samples: [encodeSegmentHeader(header)],
    seal: sealAt(508, 0, 508),
    codes: [],
    growth: 8,
    decode: decodeSegmentHeader,
  },
  {
    name: "segment footer",
    samples: [encodeSegmentFooter(tag, { endId: 9, number: 4, newest: 5, producers })],
    seal: sealAt(4, 8),
    codes: [],
    growth: 16,
    decode: (bytes) => decodeSegmentFooter(bytes, tag),
  },
  {
    name: "head",
    samples: [encodeHead({ ...head, endId: 12, durableId: 12, length: 700, number: 41, chain: 9 })],
    seal: sealAt(508, 0, 508),
    codes: [],
    growth: 8,
    decode: decodeHead,
  },
  {
    name: "cursors",
    samples: [
      encodeCursors([["app", 0, 5]]),
      joined([
        encodeCursors([["app", 0, 7]]),
        encodeCursors([
          ["other", 1, 9],
          ["app", 2, 4],
        ]),
        new Uint8Array(64),
      ]),
    ],
    seal: sealAt(4, 8),
    codes: [],
    growth: 16,
    decode: (bytes) => [...decodeCursors(bytes)],
  },
  {
    name: "topic file",
    samples: [encodeTopic({ version: 1, name: "t", config, sealed: false })],
    seal(bytes) {
      const end = bytes.indexOf(10);
      const text = new TextDecoder().decode(bytes.subarray(0, Math.max(0, end)));
      const checksum = crc32c(new TextEncoder().encode(text)).toString(16).padStart(8, "0");
      if (end >= 0 && end + 9 <= bytes.length) bytes.set(new TextEncoder().encode(checksum), end + 1);
    },
    codes: [],
    growth: 16,
    decode: decodeTopic,
  },
];

const cbor = await loadCbor();

function textual<M>(name: string, serializer: TextSerializer<M>, values: readonly M[]): Subject {
  return {
    name,
    samples: values.map((value) => encodeUtf8(serializer.serialize(value) as string)),
    codes: ["ERR_UNDECODABLE"],
    growth: 16,
    decode: (bytes) => serializer.deserialize(textOf(bytes)),
  };
}

/** Bytes that are no text make an event that cannot be decoded, as text that the serializer refuses. */
function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw asUndecodable(error);
  }
}

function packing(name: string, schema: JsonSchemaObject, values: readonly unknown[]): Subject {
  const serializer = packed(schema);
  return {
    name: `packed ${name}`,
    samples: values.map((value) => serializer.serialize(value as never) as Uint8Array),
    codes: ["ERR_UNDECODABLE"],
    growth: 256,
    decode: (bytes) => serializer.deserialize(bytes),
  };
}

const packings: readonly Subject[] = [
  packing("integers", { type: "array", items: { type: "integer" } }, [[], [1, -1, 2 ** 40]]),
  packing("bits", { type: "array", items: { type: "boolean" } }, [[], [true, false, true]]),
  packing("constants", { type: "array", items: { const: "x" }, maxItems: 20 }, [[], ["x", "x"]]),
  packing("nested", { type: "array", items: { type: "array", items: { type: ["string", "null"] } } }, [
    [["a", null], []],
  ]),
  packing(
    "object",
    {
      type: "object",
      properties: {
        energy: { type: "integer", minimum: 0, maximum: 99 },
        name: { type: "string" },
        at: { type: "number" },
        small: { type: "number", format: "float" },
        kind: { enum: ["a", "b", "c"] },
        tags: { type: "array", items: { type: "string" } },
      },
      required: ["energy", "name"],
    },
    [
      { energy: 4, name: "n" },
      { energy: 99, name: "äö", at: 1.5, small: 0.5, kind: "c", tags: ["", "abc"] },
    ],
  ),
];

const ofTheModel: readonly Subject[] = [
  {
    name: "descriptor",
    samples: [
      encodeDescriptor({ topic: "t", partition: 1, id: 5, size: 100 }, []),
      encodeDescriptor({ topic: "topic", partition: 1, id: 5, size: 1000, location: someBytes(9) }, [
        { kind: "range", offset: 5, size: 90 },
        { kind: "strided", offset: 1, blocks: 4, blockSize: 3, gap: 2 },
        { kind: "list", ranges: new Float64Array([0, 2, 4, 1]) },
      ]),
    ],
    codes: ["ERR_DESCRIPTOR"],
    growth: 16,
    decode: decodeDescriptor,
  },
  textual("JSON", json(), [{ a: [1, "ä", null] }, "text", -1.5e9, [[[]]]]),
  textual("text", text(), ["", "some text", "ä\u{1f600}"]),
  {
    name: "CBOR",
    samples: [{ a: [1, "b", null], c: 1.5 }, "text", 7].map((value) => cbor.serialize(value) as Uint8Array),
    codes: ["ERR_UNDECODABLE"],
    growth: 64,
    decode: (bytes) => cbor.deserialize(bytes),
  },
  ...packings,
];

/** Every decoder that reads what others have written. */
export const subjects: readonly Subject[] = [...ofTheLog, ...ofTheModel];
