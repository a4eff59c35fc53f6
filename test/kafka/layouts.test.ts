import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { cloudEventsLayout } from "../../backends/kafka/layouts/cloudevents.ts";
import { hopLayout } from "../../backends/kafka/layouts/hop.ts";
import { IncomingEvent, textOf, utf8, type Layout } from "../../backends/kafka/layouts/layout.ts";
import { octopusLayout } from "../../backends/kafka/layouts/octopus.ts";
import { sequenceOf, sluiceLayout } from "../../backends/kafka/layouts/sluice.ts";
import { RecordParts, RecordView } from "../../backends/kafka/records/recordParts.ts";
import type { Apart } from "../../backends/kafka/layouts/layout.ts";
import { DataWalker } from "../../backends/kafka/records/slices.ts";
import { EventData, EventDraft, packBatch, type EventBatch } from "../../src/index.ts";

interface Written {
  readonly key: string | undefined;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, Uint8Array>>;
}

interface Read {
  readonly metadata: string;
  readonly data: Uint8Array | undefined;
  readonly isSkipped: boolean;
}

const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
const layouts: readonly Layout[] = [
  sluiceLayout,
  octopusLayout("text"),
  octopusLayout("raw"),
  hopLayout({ newId: () => id, tests: "deliver" }),
  cloudEventsLayout({ source: "/test", newId: () => "1" }),
];

function batchOf(metadata: readonly unknown[], data: readonly (Uint8Array | undefined)[] = []): EventBatch {
  return packBatch(
    metadata.map((each, i) => {
      const bytes = data[i];
      const draft = new EventDraft(each, bytes && EventData.from(bytes), undefined, 1000 + i);
      draft.payload = JSON.stringify(each);
      return draft;
    }),
  );
}

/** Writes an event of a batch. */
function write(layout: Layout, batch: EventBatch, index = 0, more: { sequence?: string; apart?: Apart } = {}): Written {
  const parts = new RecordParts();
  const { sequence, apart } = more;
  layout.write(parts, { batch, index, data: new DataWalker(batch), apart, sequence });
  const headers = Array.from({ length: parts.headerCount }, (_, i) => [
    textOf(parts.headerName(i)),
    parts.headerValue(i).toUint8Array().slice(),
  ]);
  return {
    key: parts.key && textOf(parts.key),
    value: parts.value.toUint8Array().slice(),
    headers: Object.fromEntries(headers) as Record<string, Uint8Array>,
  };
}

/** Makes a record of what was written, behind other bytes as in a batch. */
function recordOf({ key, value, headers }: Partial<Written>): RecordView {
  const view = new RecordView();
  const pieces: Uint8Array[] = [utf8("in front")];
  let at = pieces[0]!.length;
  const place = (bytes: Uint8Array) => {
    pieces.push(bytes);
    return [at, (at += bytes.length)] as const;
  };
  if (key !== undefined) [view.keyStart, view.keyEnd] = place(utf8(key));
  if (value !== undefined) [view.valueStart, view.valueEnd] = place(value);
  for (const [name, content] of Object.entries(headers ?? {})) {
    view.headers.push(...place(utf8(name)), ...place(content));
    view.headerCount++;
  }
  view.bytes = Uint8Array.from(Buffer.concat(pieces));
  return view;
}

function read(layout: Layout, record: Partial<Written>): Read {
  const event = new IncomingEvent();
  layout.read(recordOf(record), event);
  const { metadata, metadataStart, metadataEnd, data, isSkipped } = event;
  return { metadata: textOf(metadata.subarray(metadataStart, metadataEnd)), data: data?.slice(), isSkipped };
}

const jsonObject = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 5,
});
const data = fc.uint8Array({ minLength: 1, maxLength: 200 });

for (const [name, layout] of [
  ["sluice", sluiceLayout],
  ["octopus", octopusLayout("text")],
  ["octopus, raw", octopusLayout("raw")],
] as const) {
  testProp(`${name}: any event comes back`, [jsonObject, fc.option(data, { nil: undefined })], (t, metadata, bytes) => {
    const other = { other: true };
    const batch = batchOf([other, metadata, other], [utf8("before"), bytes, utf8("behind")]);
    const back = read(layout, write(layout, batch, 1));

    t.is(back.metadata, JSON.stringify(metadata));
    t.deepEqual(back.data, bytes === undefined ? undefined : Uint8Array.from(bytes));
  });
}

for (const layout of layouts) {
  const noise = fc.record({
    value: fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined }),
    headers: fc.dictionary(
      fc.constantFrom(
        "_id",
        "_format",
        "_sender",
        "_test",
        "ce_specversion",
        "ce_id",
        "content-type",
        "sluice-data",
        "sluice-chunks",
        "sluice-store",
        "x",
      ),
      fc.uint8Array({ maxLength: 20 }),
    ),
  });
  testProp(`${layout.name}: a foreign record is read without a complaint`, [noise], (t, record) => {
    t.notThrows(() => read(layout, record as Partial<Written>));
  });
}

test("sluice: metadata is the value, data and sequence are headers", (t) => {
  const batch = batchOf([{ n: 1 }], [utf8("data")]);
  const { value, headers } = write(sluiceLayout, batch, 0, { sequence: "app/u-1/7" });

  t.is(textOf(value), '{"n":1}');
  t.deepEqual(Object.keys(headers), ["sluice-data", "sluice-producer"]);
  t.deepEqual(sequenceOf(recordOf({ headers })), { id: "app/u-1", sequence: 7 });
});

test("octopus: sizes, then metadata with its length, then data, little-endian", (t) => {
  const { value, headers } = write(octopusLayout("text"), batchOf([{ n: 1 }], [Uint8Array.of(9, 8)]));

  t.is(
    Buffer.from(value).toString("hex"),
    `0f00000000000000${"0200000000000000"}${"0700000000000000"}7b226e223a317d0908`,
  );
  t.deepEqual(headers, {});
});

test("hop: metadata that is no message is sent as JSON, with id, sender and format", (t) => {
  const layout = hopLayout({ newId: () => id, sender: "alice" });
  const { value, headers } = write(layout, batchOf([{ n: 1 }]));

  t.is(textOf(value), '{"n":1}');
  t.deepEqual(headers["_id"], id);
  t.is(textOf(headers["_sender"]!), "alice");
  t.is(textOf(headers["_format"]!), "json");
  t.deepEqual(JSON.parse(read(layout, { value, headers }).metadata), {
    format: "json",
    id: uuid,
    sender: "alice",
    content: { n: 1 },
  });
});

test("hop: a message keeps its format, its id and its content", (t) => {
  const layout = hopLayout({ tests: "deliver" });
  const messages = [
    { format: "circular", id: uuid, sender: "bob", content: { header: { title: "GRB" }, body: "text" } },
    { format: "voevent", id: uuid, content: "<VOEvent/>" },
    { format: "gcntextnotice", id: uuid, test: true, content: "TITLE: GCN" },
    { format: "external", id: uuid, content: { url: "https://example.org/large" } },
    { format: "json", id: uuid, content: "a text" },
    { format: "json", id: uuid, content: null },
  ];
  for (const message of messages) {
    t.deepEqual(JSON.parse(read(layout, write(layout, batchOf([message]))).metadata), message);
  }
});

test("hop: the content of blobs and of Avro is data", (t) => {
  const layout = hopLayout({ newId: () => id });
  for (const format of ["blob", "avro"]) {
    const back = read(layout, write(layout, batchOf([{ format }], [Uint8Array.of(1, 2, 3)])));

    t.deepEqual(JSON.parse(back.metadata), { format, id: uuid });
    t.deepEqual(back.data, Uint8Array.of(1, 2, 3));
  }
});

test("hop: an old envelope is opened, JSON is JSON, and the rest is a blob", (t) => {
  const layout = hopLayout();
  const formats = (value: string, headers = {}) =>
    JSON.parse(read(layout, { value: utf8(value), headers }).metadata) as object;

  t.deepEqual(formats('{"format":"circular","content":{"body":"b"}}'), { format: "circular", content: { body: "b" } });
  t.deepEqual(formats('{"a":1}'), { format: "json", content: { a: 1 } });
  t.deepEqual(formats("{not json"), { format: "blob" });
  t.deepEqual(formats("{}", { _format: utf8("UNHEARD") }), { format: "blob" });
});

test("hop: test messages are skipped unless they are asked for", (t) => {
  const record = { value: utf8("{}"), headers: { _test: utf8("true") } };

  t.true(read(hopLayout(), record).isSkipped);
  t.false(read(hopLayout({ tests: "deliver" }), record).isSkipped);
});

test("cloudevents: attributes are headers, data is the value, and both come back", (t) => {
  const layout = cloudEventsLayout({ source: "/test", newId: () => "1" });
  const attributes = {
    specversion: "1.0",
    id: "7",
    source: "/lab",
    type: "run",
    time: "2026-11-25T00:00:00.000Z",
    partitionkey: "k",
  };
  const { key, value, headers } = write(
    layout,
    batchOf([{ ...attributes, datacontenttype: "text/plain" }], [utf8("hello")]),
  );

  t.is(key, "k");
  t.is(textOf(value), "hello");
  t.is(textOf(headers["ce_source"]!), "/lab");
  t.is(textOf(headers["content-type"]!), "text/plain");
  const back = read(layout, { value, headers });
  t.deepEqual(JSON.parse(back.metadata), { ...attributes, datacontenttype: "text/plain" });
  t.deepEqual(back.data, utf8("hello"));
});

test("cloudevents: what is missing is filled in", (t) => {
  const layout = cloudEventsLayout({ source: "/test", newId: () => "1" });
  const { headers } = write(layout, batchOf([{ type: "run" }]));

  t.deepEqual(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(value)])), {
    ce_specversion: "1.0",
    ce_id: "1",
    ce_source: "/test",
    ce_type: "run",
    ce_time: "1970-01-01T00:00:01.000Z",
  });
});
