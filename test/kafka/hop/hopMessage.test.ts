import { deflateRawSync } from "node:zlib";
import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import {
  formatAvro,
  formatVoEvent,
  parseAvro,
  parseGcnNotice,
  parseVoEvent,
  readHopMessage,
  writeHopMessage,
  type HopHead,
  type HopMetadata,
  type HopWritable,
} from "../../../backends/kafka/index.ts";
import type { StreamEvent } from "../../../src/index.ts";

/** An event as a consumer delivers it, as far as it is read here. */
function eventOf(metadata: unknown, bytes: Uint8Array = new Uint8Array(0)): StreamEvent<HopMetadata> {
  const data = { size: bytes.length, toUint8Array: () => bytes };
  return { metadata, data, descriptor: { size: bytes.length } } as unknown as StreamEvent<HopMetadata>;
}

const roundTrips: Readonly<Record<string, HopHead & HopWritable>> = {
  json: { format: "json", content: { ra: 1.5, names: ["a", null] } },
  circular: { format: "circular", content: { header: { title: "GCN CIRCULAR", number: "1" }, body: "text\n" } },
  gcntextnotice: { format: "gcntextnotice", content: parseGcnNotice("TITLE: GCN\nRA: 10d\n  (J2000)\nRA: 11d\n") },
  blob: { format: "blob", content: Uint8Array.of(0, 1, 255) },
  external: { format: "external", content: { url: "https://example.org/large" }, sender: "alice", test: true },
  avro: {
    format: "avro",
    content: {
      records: [{ ra: 1.5, name: "a" }],
      schema: {
        type: "record",
        name: "Point",
        fields: [
          { name: "ra", type: "double" },
          { name: "name", type: "string" },
        ],
      },
    },
  },
  voevent: {
    format: "voevent",
    id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    content: {
      ivorn: "ivo://gcn/1#<&>",
      role: "test",
      version: "2.0",
      What: {
        Param: [
          { name: "BNS", value: "0.0", Description: "a & b" },
          { name: "BBH", value: "0.9" },
        ],
      },
      Why: { importance: "1.0", Inference: { probability: "0.9", Concept: "GRB" } },
    },
  },
};

for (const [format, message] of Object.entries(roundTrips)) {
  test(`${format}: what is written is read`, async (t) => {
    const { metadata, data } = await writeHopMessage(message);

    t.deepEqual<unknown, unknown>(await readHopMessage(eventOf(JSON.parse(JSON.stringify(metadata)), data)), message);
  });
}

test("a notice is read as hop reads it: names in lower case, and lines that go on", (t) => {
  const { fields } = parseGcnNotice(
    "  TITLE:   GCN/SWIFT NOTICE\r\nCOMMENTS: one\nCOMMENTS: two\nand more\nURL: http://a:1/\n\n",
  );

  t.deepEqual(fields, { title: "GCN/SWIFT NOTICE", comments: "one\ntwo\nand more", url: "http://a:1/" });
});

test("a notice without a text is written from its fields", async (t) => {
  const { metadata } = await writeHopMessage({
    format: "gcntextnotice",
    content: { fields: { title: "GCN", notes: "a\nb" } },
  });

  t.deepEqual(parseGcnNotice(metadata.content as string).fields, { title: "GCN", notes: "a\nb" });
});

test("an event of VOEvent is read whatever prefix its namespace has, and as what an older hop made of it", async (t) => {
  const xml =
    '<?xml version="1.0"?><v:VOEvent xmlns:v="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://a" role="test" version="2.0"><Who/></v:VOEvent>';
  const expected = { ivorn: "ivo://a", role: "test", version: "2.0", Who: "" };

  t.deepEqual<unknown, unknown>(await parseVoEvent(xml), expected);
  t.deepEqual<unknown, unknown>(
    (await readHopMessage(eventOf({ format: "voevent", content: expected }))).content,
    expected,
  );
});

test("entities that a document declares are not opened without bounds", async (t) => {
  const bomb = `<!DOCTYPE x [<!ENTITY a "${"x".repeat(50)}">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i} "${`&a${i === 0 ? "" : i - 1};`.repeat(10)}">`).join("")}]><VOEvent ivorn="&a8;"/>`;
  const event = await parseVoEvent(bomb);

  t.true((event?.ivorn.length ?? 0) < 100_000);
});

test("records of Avro get a schema that fits all of them, and one that does not fit its schema is refused", async (t) => {
  const records = [{ n: 1 }, { n: 2.5, name: "x" }];
  const schema = { type: "record", name: "Number", fields: [{ name: "n", type: "int" }] };

  t.deepEqual(parseAvro(await formatAvro({ records: [{ n: 1 }, { n: 2.5 }] }))?.records, [{ n: 1 }, { n: 2.5 }]);
  t.is(parseAvro(await formatAvro({ records }))?.records.length, 2);
  t.deepEqual(parseAvro(await formatAvro({ records: [] }))?.records, []);
  await t.throwsAsync(formatAvro({ records: [{ n: "one" }], schema }), { instanceOf: TypeError });
});

for (const [what, metadata, text] of [
  ["a circular without a body", { format: "circular", content: { header: {} } }, '{"header":{}}'],
  [
    "a circular whose header is no text",
    { format: "circular", content: { header: { a: 1 }, body: "" } },
    '{"header":{"a":1},"body":""}',
  ],
  ["XML that is cut off", { format: "voevent", content: "<voe:VOEvent ivorn=" }, "<voe:VOEvent ivorn="],
  ["XML of something else", { format: "voevent", content: "<a/>" }, "<a/>"],
  ["an address that is none", { format: "external", content: { url: 1 } }, '{"url":1}'],
  ["a notice that is an object", { format: "gcntextnotice", content: {} }, "{}"],
  ["a format that nobody knows", { format: "later", content: "x" }, "x"],
] as const) {
  test(`${what} is a blob that says what was announced`, async (t) => {
    const { format: announced } = metadata;
    const content = new TextEncoder().encode(text);

    t.deepEqual<unknown, unknown>(await readHopMessage(eventOf(metadata)), { format: "blob", content, announced });
  });
}

test("Avro that is none is a blob", async (t) => {
  const noise = Uint8Array.of(1, 2, 3);

  t.deepEqual(await readHopMessage(eventOf({ format: "avro" }, noise)), {
    format: "blob",
    content: noise,
    announced: "avro",
  });
});

/** An Avro file with a schema and one block of bytes. */
function avroFile(schema: unknown, count: number, block: readonly number[], codec = "null"): Uint8Array {
  const long = (value: number) => {
    const bytes: number[] = [];
    let rest = value * 2;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
    return [...bytes, rest];
  };
  const text = (value: string) => [...long(value.length), ...new TextEncoder().encode(value)];
  const marker = Array.from({ length: 16 }, () => 7);
  const metadata = [
    ...long(2),
    ...text("avro.schema"),
    ...text(JSON.stringify(schema)),
    ...text("avro.codec"),
    ...text(codec),
    0,
  ];
  return Uint8Array.from([
    0x4f,
    0x62,
    0x6a,
    1,
    ...metadata,
    ...marker,
    ...long(count),
    ...long(block.length),
    ...block,
    ...marker,
  ]);
}

const many = [0x80, 0xd0, 0xac, 0xf3, 0x0e]; // 2,000,000,000 / 2 items.
for (const [what, file] of Object.entries({
  "records that take no bytes": avroFile("null", 2_000_000_000, []),
  "an array of what takes no bytes": avroFile({ type: "array", items: "null" }, 1, [...many, 0]),
  "an array that says more than there is": avroFile({ type: "array", items: "int" }, 1, [...many, 2, 0]),
  "a text that is longer than the file": avroFile("string", 1, many),
  "values in values": avroFile(
    { type: "record", name: "R", fields: [{ name: "r", type: ["null", "R"] }] },
    1,
    Array.from({ length: 6000 }, () => 2),
  ),
  "a schema in itself": avroFile(
    Array.from({ length: 1 }, () => "R"),
    1,
    [0, 0, 0],
  ),
  "a bomb of deflate": avroFile("bytes", 1, [...deflateRawSync(new Uint8Array(200 << 20))], "deflate"),
})) {
  test(`Avro with ${what} is a blob, and costs no memory`, async (t) => {
    const before = process.memoryUsage().arrayBuffers;
    const { format } = await readHopMessage(eventOf({ format: "avro" }, file));

    t.is(format, "blob");
    t.true(process.memoryUsage().arrayBuffers - before < 100 << 20);
  });
}

test("Avro of every type is read, compressed as well", async (t) => {
  const schema = {
    type: "record",
    name: "All",
    namespace: "org.example",
    fields: [
      { name: "flag", type: "boolean" },
      { name: "count", type: "long" },
      { name: "small", type: "float" },
      { name: "large", type: "double" },
      { name: "text", type: "string" },
      { name: "maybe", type: ["null", "string"] },
      { name: "kind", type: { type: "enum", name: "Kind", symbols: ["A", "B"] } },
      { name: "list", type: { type: "array", items: "int" } },
      { name: "table", type: { type: "map", values: "int" } },
    ],
  };
  const record = {
    flag: true,
    count: -123456789012,
    small: 0.5,
    large: 1e300,
    text: "é",
    maybe: "x",
    kind: "B",
    list: [1, -2],
    table: { a: 3 },
  };
  const file = await formatAvro({ records: [record, record], schema });

  t.deepEqual(parseAvro(file)?.records, [record, record]);
  const deflated = avroFile("string", 1, [...deflateRawSync(Uint8Array.of(4, 0x68, 0x69))], "deflate");
  t.deepEqual(parseAvro(deflated)?.records, ["hi"]);
});

test("JSON that is nested too deeply is a blob", async (t) => {
  let content: unknown = 0;
  for (let i = 0; i < 100_000; i++) content = [content];

  t.is((await readHopMessage(eventOf({ format: "circular", content }))).format, "blob");
});

const anything = fc.oneof(fc.string(), fc.jsonValue(), fc.constant(undefined));
const formats = fc.constantFrom("json", "circular", "gcntextnotice", "voevent", "avro", "external", "blob", "other");
testProp(
  "whatever a record holds, it is read",
  [formats, anything, fc.uint8Array({ maxLength: 80 })],
  async (t, format, content, bytes) => {
    t.is(typeof (await readHopMessage(eventOf({ format, content }, bytes))).format, "string");
  },
);

testProp(
  "XML that was changed anywhere is read or is a blob",
  [fc.nat(200), fc.string({ maxLength: 3 })],
  async (t, at, noise) => {
    const xml = await formatVoEvent({
      ivorn: "ivo://a",
      role: "test",
      version: "2.0",
      What: { Param: { name: "n", value: "1" } },
    });
    const content = xml.slice(0, at) + noise + xml.slice(at + 1);
    const { format } = await readHopMessage(eventOf({ format: "voevent", content }));
    t.true(format === "voevent" || format === "blob");
  },
);

testProp(
  "Avro that was changed anywhere is read or is a blob",
  [fc.nat(150), fc.integer({ min: 0, max: 255 })],
  async (t, at, byte) => {
    const bytes = await formatAvro({ records: [{ ra: 1.5, name: "a" }] });
    if (at < bytes.length) bytes[at] = byte;
    const { format } = await readHopMessage(eventOf({ format: "avro" }, bytes));
    t.true(format === "avro" || format === "blob");
  },
);
