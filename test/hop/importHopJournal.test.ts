import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { firstValueFrom, lastValueFrom, map, NEVER, toArray } from "rxjs";
import { produceRobustly } from "../../operators/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import {
  connect,
  importHopJournal,
  isSluiceError,
  type HopMessage,
  type ImportHopJournalOptions,
} from "../../src/index.ts";
import { encodeHopJournal, framed, type HopRecord } from "./encodeHopJournal.ts";

const read = (file: Uint8Array | AsyncIterable<Uint8Array>, options?: ImportHopJournalOptions): Promise<HopMessage[]> =>
  lastValueFrom(importHopJournal(file, options).pipe(toArray()));

const messageOf = (sequence: number): HopMessage => ({
  sequence,
  topic: "alerts",
  message: Buffer.from(`message ${sequence}`),
  key: undefined,
  headers: [["_id", Uint8Array.of(sequence, 1)]],
});
const queued = (sequence: number): HopRecord => ({ kind: "message", version: 2, message: messageOf(sequence) });
const sent = (sequence: number): HopRecord => ({ kind: "sent", sequence });
const plain = (messages: readonly HopMessage[]) =>
  messages.map(({ message, key, headers, ...rest }) => ({
    ...rest,
    message: [...message],
    key: key && [...key],
    headers: headers.map(([name, value]) => [name, [...value]]),
  }));

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

test("what was sent is left out, and what is left comes in the order of its numbers", async (t) => {
  const journal = encodeHopJournal([queued(0), queued(1), sent(0), queued(2), queued(3), sent(2)]);
  t.deepEqual(plain(await read(journal)), plain([messageOf(1), messageOf(3)]));
  t.deepEqual(await read(new Uint8Array(0)), []);
});

const arbitraryMessage = fc.record({
  version: fc.constantFrom(1 as const, 2 as const),
  topic: fc.string(),
  message: fc.uint8Array({ maxLength: 40 }),
  key: fc.option(fc.uint8Array({ minLength: 1, maxLength: 8 }), { nil: undefined }),
  headers: fc.array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 8 })), { maxLength: 3 }),
});

testProp(
  "any journal reads as it was written, in pieces of any size",
  [fc.array(fc.tuple(arbitraryMessage, fc.boolean()), { maxLength: 12 }), fc.integer({ min: 1, max: 200 })],
  async (t, entries, size) => {
    const messages = entries.map(([{ version, topic, message, key, headers }, isSent], sequence) => {
      const whole: HopMessage = { sequence, topic, message, key, headers };
      return { version, whole: version === 2 ? whole : { ...whole, topic: undefined, key: undefined }, isSent };
    });
    const records: HopRecord[] = messages.map(({ version, whole }) => ({ kind: "message", version, message: whole }));
    for (const { isSent, whole } of messages) if (isSent) records.push(sent(whole.sequence));
    const left = messages.filter(({ isSent }) => !isSent).map(({ whole }) => whole);
    t.deepEqual(plain(await read(inPieces(encodeHopJournal(records), size))), plain(left));
  },
);

const twenty = Array.from({ length: 20 }, (_, sequence) => queued(sequence));

test("a journal of 20 records that is cut anywhere names the record and its byte; the torn one can be dropped by name", async (t) => {
  const journal = encodeHopJournal(twenty);
  const ends = twenty.map((_, i) => encodeHopJournal(twenty.slice(0, i + 1)).length);
  for (let size = 1; size < journal.length; size++) {
    const whole = ends.filter((end) => end <= size).length;
    const cut = journal.slice(0, size);
    t.is((await read(cut, { torn: "drop" })).length, whole);
    if (ends.includes(size)) continue; // Such a cut leaves a journal that hop-client could have written.
    const error = await t.throwsAsync(read(cut));
    t.true(isSluiceError(error, "ERR_STORAGE"));
    t.like(error, { details: { record: whole, offset: ends[whole - 1] ?? 0 } });
  }
});

test("any bit that flips in a journal of 20 records is detected and named", async (t) => {
  const journal = encodeHopJournal(twenty);
  for (let bit = 0; bit < 8 * journal.length; bit++) {
    const flipped = journal.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    for (const torn of ["refuse", "drop"] as const) {
      const error: unknown = await read(flipped, { torn }).catch((thrown: unknown) => thrown);
      t.true(isSluiceError(error, "ERR_STORAGE"), `bit ${bit}`);
    }
  }
});

const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

for (const [what, record, reason] of [
  ["an unknown type", framed(7, u64(0n)), /type 7/],
  ["a length that reaches over its end", framed(0, Buffer.concat([u64(0n), u64(100n)])), /message of 100 bytes/],
  ["a number that is too large", framed(1, u64(2n ** 60n)), /sequence number/],
  ["bytes behind its end", framed(1, Buffer.concat([u64(0n), u64(0n)])), /8 bytes behind its end/],
  ["a topic that is no text", framed(2, Buffer.concat([u64(9n), u64(1n), Buffer.from([0xff])])), /topic is not UTF-8/],
  ["a number that is taken", encodeHopJournal([queued(0)]), /number 0 is taken/],
  ["a message that was sent and never queued", encodeHopJournal([sent(5)]), /5 was sent/],
  ["more headers than there is room for", framed(0, Buffer.concat([u64(3n), u64(0n), u64(2n ** 40n)])), /header/],
] as const) {
  test(`a record with ${what} is named, although its checksums are right`, async (t) => {
    const error = await t.throwsAsync(read(Buffer.concat([encodeHopJournal([queued(0)]), record])));
    t.true(isSluiceError(error, "ERR_STORAGE"));
    t.regex(error?.message ?? "", reason);
    t.like(error, { details: { record: 1 } });
  });
}

test("an error of the stream is told, and unsubscribing lets go of it", async (t) => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield encodeHopJournal([queued(0)]);
    throw new Error("unplugged");
  }
  await t.throwsAsync(read(broken()), { message: "unplugged" });
  let returned = false;
  const endless: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => firstValueFrom(NEVER),
      return: async () => {
        returned = true;
        return { done: true as const, value: undefined };
      },
    }),
  };
  importHopJournal(endless).subscribe().unsubscribe();
  t.true(returned);
});

test("arguments are checked", (t) => {
  t.throws(() => importHopJournal("publisher.journal" as never), {
    instanceOf: TypeError,
    message: /'file'.*"publisher.journal"/,
  });
  t.throws(() => importHopJournal(new Uint8Array(0), { torn: "repair" as never }), {
    instanceOf: RangeError,
    message: /'torn'.*"repair"/,
  });
});

test("a journal of hop-client is drained through a journal of Sluice", async (t) => {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ topic: string | undefined }>("hop");
  const journal = encodeHopJournal([queued(0), queued(1), sent(0), queued(2)]);
  const outcomes$ = importHopJournal(journal).pipe(
    map(({ topic: name, message }) => ({ metadata: { topic: name }, data: message })),
    produceRobustly(topic, { journal: memoryBackend() }),
    map(({ kind }) => kind),
    toArray(),
  );
  t.deepEqual(await lastValueFrom(outcomes$), ["delivered", "delivered"]);
  const events = topic.consumer("c", { dataSelector: (_, data) => data, until: "end" });
  const texts: string[] = [];
  for await (const { data } of events) texts.push(new TextDecoder().decode(data.toUint8Array()));
  t.deepEqual(texts, ["message 1", "message 2"]);
  await driver.close();
});
