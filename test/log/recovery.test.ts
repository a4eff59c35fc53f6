import test from "ava";
import { crc32c } from "../../backends/log/format/crc32c.ts";
import { isSluiceError } from "../../src/index.ts";
import { append, answerOf, openLog, readAll, someBytes, type ReadEvent, type TestEvent } from "./support.ts";
import { randomFrom, SimulatedStorage } from "./simulatedStorage.ts";
import { trials } from "./trials.ts";

const batches: readonly (readonly TestEvent[])[] = [
  [{ text: "first" }],
  [{ text: "second" }, { text: "third", data: someBytes(100) }],
  [{ text: "fourth", data: someBytes(9) }, { text: "fifth" }, { text: "sixth", data: someBytes(33, 2) }],
];
const all: readonly ReadEvent[] = batches.flat().map(({ text, data = new Uint8Array(0) }, id) => ({ id, text, data }));
const textsOf = (events: readonly ReadEvent[]) => events.map(({ text }) => text);

/** A log with three batches, closed, or as a process leaves it that is killed before it has answered the last one. */
async function written(end: "closed" | "killed", written = batches, segmentBytes = 1 << 20): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes });
  for (const events of written) await append(log.partition, events);
  const killed = storage.copy().forgetAnswers();
  await log.close();
  return end === "closed" ? storage.copy() : killed;
}

const segmentOf = (storage: SimulatedStorage, ordinal = 0) =>
  storage.paths().find((path) => path.endsWith(`${ordinal}.seg`))!;

/** Where the last batch begins: behind the magic number that stands last. */
function lastBatchOf(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf("SLBT");
}

/** What may be read is a part of what was written, in its order, unaltered. */
function isUnaltered(events: readonly ReadEvent[]): boolean {
  return events.every(({ id, text, data }) => all[id]?.text === text && Buffer.compare(all[id].data, data) === 0);
}

for (const [damage, change] of [
  ["cut", (bytes: Uint8Array, at: number) => bytes.slice(0, at)],
  ["zeroed", (bytes: Uint8Array, at: number) => bytes.slice().fill(0, at)],
  [
    "filled with garbage",
    (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i < at ? byte : (byte * 7 + 13 * i + 1) & 0xff)),
  ],
] as const) {
  test(`after a kill, a last batch that is ${damage} from any byte on is set aside`, async (t) => {
    const killed = await written("killed");
    const path = segmentOf(killed);
    const bytes = killed.bytesOf(path);
    const start = lastBatchOf(bytes);
    const end = start + 96 + 24 + 24 + 24 + 16 + 16 + 48; // More than it has; what lies behind is zeros.
    for (let at = start; at < Math.min(bytes.length, end); at++) {
      const storage = killed.copy();
      storage.replace(path, change(bytes, at));
      const log = await openLog(storage);
      const { events, errors } = await readAll(log.partition);
      t.deepEqual(errors, []);
      t.true(isUnaltered(events));
      t.true(events.length === 3 || events.length === 6, `${events.length} events at ${at}`);
      t.is(log.report.outcome === "tornTail" || log.report.outcome === "clean", true, log.report.outcome);
      t.is(await append(log.partition, [{ text: "next" }]), events.length);
      await log.close();
      const again = await openLog(storage);
      t.deepEqual([again.report.outcome, again.report.closed], ["clean", true]);
      t.deepEqual(textsOf((await readAll(again.partition)).events), [...textsOf(events), "next"]);
      await again.close();
    }
  });

  test(`after a close, a last batch that is ${damage} from any byte on is missed`, async (t) => {
    const closed = await written("closed");
    const path = segmentOf(closed);
    const bytes = closed.bytesOf(path);
    const padding = 6; // The last bytes of 42 bytes of data; they say nothing, so no checksum covers them.
    const dataOfLast = bytes.length - padding - 42;
    for (let at = lastBatchOf(bytes); at < bytes.length - (damage === "cut" ? 0 : padding); at++) {
      const storage = closed.copy();
      const changed = change(bytes, at);
      storage.replace(path, changed);
      const log = await openLog(storage);
      const { events, errors } = await readAll(log.partition);
      t.deepEqual(textsOf(events.slice(0, 3)), textsOf(all.slice(0, 3)));
      t.true(isUnaltered(events) && events.length < 6);
      if (at >= dataOfLast && damage !== "cut") {
        // Where a log was closed in good order, data is checked when it is read.
        t.deepEqual([log.report.outcome, errors.length > 0], ["clean", true], `at ${at}`);
        await log.close();
        continue;
      }
      t.is(events.length, 3);
      t.true(log.report.outcome === "truncated" || log.report.outcome === "corrupt", `${log.report.outcome} at ${at}`);
      t.is(log.report.damage.at(-1)?.toId, 6);
      const error = await append(log.partition, [{ text: "next" }]).catch((thrown: unknown) => thrown);
      t.true(isSluiceError(error, "ERR_STORAGE"));
      await log.close();
    }
  });
}

/** Bits from one that is changed to the next. */
const bitStep = trials({ quick: 5, crash: 1, soak: 1 });

test("no changed bit of any file alters an event", async (t) => {
  for (const end of ["closed", "killed"] as const) {
    const sound = await written(end);
    const live = segmentOf(sound);
    sound.replace(live, sound.bytesOf(live).slice(0, 1400)); // Fewer of the zeros that were written ahead.
    const outcomes = new Map<string, number>();
    for (const path of sound.paths().filter((each) => each.includes("/p0/"))) {
      const bytes = sound.bytesOf(path);
      for (let bit = 0; bit < bytes.length * 8; bit += bitStep) {
        if (path.endsWith("head") && bit % 32_768 >= 4096) continue; // Between the slots there is nothing.
        const storage = sound.copy();
        const changed = bytes.slice();
        changed[bit >>> 3]! ^= 1 << (bit & 7);
        storage.replace(path, changed);
        const log = await openLog(storage);
        const { events, errors } = await readAll(log.partition);
        const { outcome, damage } = log.report;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (!isUnaltered(events)) t.fail(`Bit ${bit} of ${path} (${end}): an altered event was read`);
        if (events.length < 6 && damage.length === 0 && errors.length === 0)
          t.fail(`Bit ${bit} of ${path} (${end}): ${events.length} events, and nobody was told`);
        if (events.length < 3)
          t.true(
            outcome === "corrupt",
            `Bit ${bit} of ${path} (${end}): ${events.length} events are left, and it is ${outcome}`,
          );
        await log.close();
      }
    }
    t.log(end, Object.fromEntries(outcomes));
    t.true(outcomes.has("corrupt"));
  }
});

test("a log that was closed in good order is opened without reading its data, and one that was killed is not", async (t) => {
  const large = [{ text: "large", data: someBytes(8 << 20) }];
  for (const end of ["closed", "killed"] as const) {
    const storage = await written(end, [large, [{ text: "small", data: someBytes(10) }]], 64 << 20);
    let read = 0;
    const open = storage.open.bind(storage);
    storage.open = async (path, mode) => {
      const file = await open(path, mode);
      return {
        ...file,
        async read(target, position) {
          const length = await file.read(target, position);
          read += length;
          return length;
        },
      };
    };
    const log = await openLog(storage);
    t.is(log.report.outcome, "clean");
    t.is(read < 1 << 20, end === "closed", `${read} bytes`);
    t.deepEqual(textsOf((await readAll(log.partition)).events), ["large", "small"]);
    await log.close();
  }
});

test("undamaged events around damage stay readable, and the damage is named", async (t) => {
  const closed = await written("closed");
  const path = segmentOf(closed);
  const bytes = closed.bytesOf(path).slice();
  bytes[Buffer.from(bytes).indexOf("second")]! ^= 1;
  closed.replace(path, bytes);
  const log = await openLog(closed);
  const { events, errors } = await readAll(log.partition);

  t.deepEqual(textsOf(events), ["first", "fourth", "fifth", "sixth"]);
  t.is(errors.length, 1);
  t.is(log.report.outcome, "corrupt");
  t.like(log.report.damage[0], { file: "0000000000.seg", fromId: 1, toId: 3 });
  await log.close();
});

test("damage that comes while the log is open is found when it is read", async (t) => {
  const storage = await written(
    "closed",
    Array.from({ length: 40 }, (_, i) => [{ text: `event ${i} ${"x".repeat(200)}` }]),
    4096,
  );
  const log = await openLog(storage);
  const bytes = storage.bytesOf(segmentOf(storage));
  bytes[Buffer.from(bytes.buffer).indexOf("event 3 ")]! ^= 1;
  const { events, errors } = await readAll(log.partition);

  t.is(events.length, 39);
  t.is(errors.length, 1);
  await log.close();
});

test("a missing, shortened or exchanged segment is noticed", async (t) => {
  const many = Array.from({ length: 60 }, (_, i) => [{ text: `event ${i} ${"x".repeat(200)}` }]);
  const sound = await written("closed", many, 4096);
  const segments = sound.paths().filter((path) => path.endsWith(".seg"));
  t.true(segments.length >= 4);
  const cases: Record<string, (storage: SimulatedStorage) => unknown> = {
    "the first is missing": (storage) => storage.unlink(segments[0]!),
    "the second is missing": (storage) => storage.unlink(segments[1]!),
    "the last is missing": (storage) => storage.unlink(segments.at(-1)!),
    "all are missing": (storage) => Promise.all(segments.map((path) => storage.unlink(path))),
    "the second is shorter": (storage) => storage.replace(segments[1]!, storage.bytesOf(segments[1]!).slice(0, 2000)),
    "the second is empty": (storage) => storage.replace(segments[1]!, new Uint8Array(0)),
    "the second has lost its header": (storage) =>
      storage.replace(segments[1]!, storage.bytesOf(segments[1]!).slice().fill(0, 0, 512)),
    "the second is a copy of the first": (storage) =>
      storage.replace(segments[1]!, storage.bytesOf(segments[0]!).slice()),
  };
  for (const [what, damage] of Object.entries(cases)) {
    const storage = sound.copy();
    await damage(storage);
    const log = await openLog(storage);
    const { events } = await readAll(log.partition);
    t.true(log.report.outcome === "corrupt" || log.report.outcome === "truncated", `${what}: ${log.report.outcome}`);
    t.true(log.report.damage.length > 0, what);
    t.true(
      events.every(({ id, text }) => text === many[id]![0]!.text),
      what,
    );
    t.true(what === "all are missing" || events.length >= 30, `${what}: ${events.length} events`);
    await log.close();
  }
});

test("swapped and stale blocks are noticed", async (t) => {
  const many = Array.from({ length: 60 }, (_, i) => [{ text: `event ${i} ${"x".repeat(400)}` }]);
  const sound = await written("closed", many);
  const path = segmentOf(sound);
  const random = randomFrom(1);
  for (let trial = 0; trial < 50; trial++) {
    const storage = sound.copy();
    const bytes = storage.bytesOf(path).slice();
    const blocks = Math.floor(bytes.length / 512);
    const [a, b] = [1 + Math.floor(random() * (blocks - 1)), 1 + Math.floor(random() * (blocks - 1))];
    const block = bytes.slice(a * 512, a * 512 + 512);
    bytes.copyWithin(a * 512, b * 512, b * 512 + 512);
    if (trial % 2 === 0) bytes.set(block, b * 512);
    storage.replace(path, bytes);
    const log = await openLog(storage);
    const { events } = await readAll(log.partition);
    t.deepEqual(textsOf(events.filter(({ id, text }) => text !== many[id]?.[0]?.text)), []);
    t.true(
      a === b ? events.length === 60 : events.length < 60 && log.report.outcome === "corrupt",
      `${a} ${b} ${log.report.outcome} ${events.length}`,
    );
    await log.close();
  }
});

test("a log of another version is neither read nor written", async (t) => {
  const storage = await written("closed");
  const bytes = storage.bytesOf(segmentOf(storage)).slice();
  bytes[8] = 9;
  new DataView(bytes.buffer).setUint32(508, crc32c(bytes.subarray(0, 508)), true);
  storage.replace(segmentOf(storage), bytes);
  const log = await openLog(storage);

  t.is(log.report.outcome, "unknownVersion");
  const error = await answerOf(log.partition.read(0, { maxEvents: 1, maxBytes: 1 })).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(error, "ERR_UNSUPPORTED"));
  await log.close();
});

test("a batch that is sent again after a restart is stored once, also over several segments", async (t) => {
  const storage = new SimulatedStorage();
  for (let round = 0; round < 20; round++) {
    const log = await openLog(storage, { segmentBytes: 1500 });
    const events = [{ text: `${round} ${"x".repeat(300)}` }, { text: "b" }];
    const sequence = round * 2;
    if (round > 0)
      t.is(
        await append(log.partition, [{ text: "again" }, { text: "again" }], { id: "p", sequence: sequence - 2 }),
        sequence - 2,
      );
    t.is(await append(log.partition, events, { id: "p", sequence }), sequence);
    if (round % 3 === 0) await log.close();
    else {
      const copy = storage.copy();
      await log.close();
      (storage as { root: unknown }).root = copy.root; // As if it had been killed.
    }
  }
  const log = await openLog(storage);
  t.is((await readAll(log.partition)).events.length, 40);
  await log.close();
});

test("after a kill, a last batch that was answered and is cut from any byte on is missed", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage);
  for (const events of batches) await append(partition, events);
  const path = segmentOf(storage);
  const bytes = storage.bytesOf(path);
  const start = lastBatchOf(bytes);
  for (let at = start; at < start + 200; at += 4) {
    const killed = storage.copy();
    killed.replace(path, bytes.slice(0, at));
    const log = await openLog(killed);
    const { events } = await readAll(log.partition);
    t.deepEqual(textsOf(events), ["first", "second", "third"]);
    t.is(log.report.outcome, at === start ? "truncated" : "corrupt");
    t.deepEqual(
      log.report.damage.map(({ fromId, toId }) => [fromId, toId]),
      [[3, 6]],
    );
    await t.throwsAsync(append(log.partition, [{ text: "next" }]), { code: "ERR_STORAGE" });
    await log.close();
  }
});

test("after a kill, batches at durability os that are gone are not missed", async (t) => {
  const storage = new SimulatedStorage();
  const { partition } = await openLog(storage, { durability: "os" });
  for (const events of batches) await append(partition, events);
  const path = segmentOf(storage);
  const killed = storage.copy();
  killed.replace(path, storage.bytesOf(path).slice(0, lastBatchOf(storage.bytesOf(path))));
  const log = await openLog(killed, { durability: "os" });
  t.is(log.report.outcome, "clean");
  t.deepEqual(textsOf((await readAll(log.partition)).events), ["first", "second", "third"]);
  await log.close();
});

test("a torn tail is kept in quarantine/, and what follows it begins a new segment", async (t) => {
  const killed = await written("killed");
  const path = segmentOf(killed);
  const bytes = killed.bytesOf(path).slice();
  const start = lastBatchOf(bytes);
  bytes[start + 20]! ^= 1;
  killed.replace(path, bytes);
  const log = await openLog(killed);
  t.is(log.report.outcome, "tornTail");
  const kept = killed.paths().filter((each) => each.includes("/quarantine/"));
  t.is(kept.length, 1);
  const tail = killed.bytesOf(kept[0]!);
  t.true(tail.length > 96);
  t.deepEqual(tail, bytes.slice(start, start + tail.length));
  await append(log.partition, [{ text: "next" }]);
  t.is(killed.paths().filter((each) => each.endsWith(".seg")).length, 2);
  await log.close();
});

test("a batch that is sent again while it is on its way is answered when it is stored, and not before", async (t) => {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return path.endsWith(".seg") && mode !== "read"
      ? { ...file, writev: (segments, position) => held.then(() => file.writev(segments, position)) }
      : file;
  };
  const log = await openLog(storage);
  const order: string[] = [];
  const send = (name: string) =>
    append(log.partition, [{ text: "a" }], { id: "p", sequence: 0 }).then((id) => order.push(`${name} ${id}`));
  const both = [send("first"), send("again")];
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(order, []);
  release();
  await Promise.all(both);
  t.deepEqual(order, ["first 0", "again 0"]);
  await log.close();
});

test("a producer is known again when only footers tell of it", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 1500 });
  await append(log.partition, [{ text: "a" }, { text: "b" }], { id: "p", sequence: 0 });
  for (let i = 0; i < 20; i++) await append(log.partition, [{ text: "x".repeat(400) }]);
  await log.close();
  const again = await openLog(storage);
  t.is(await append(again.partition, [{ text: "a" }, { text: "b" }], { id: "p", sequence: 0 }), 0);
  t.is(await append(again.partition, [{ text: "c" }], { id: "p", sequence: 2 }), 22);
  await again.close();
});

test("a producer is known again when everything that it sent has been dropped", async (t) => {
  const storage = new SimulatedStorage();
  const topic = { retention: { acknowledgedBy: ["app"] } };
  const log = await openLog(storage, { segmentBytes: 1500, topic });
  await append(log.partition, [{ text: "a" }, { text: "b" }], { id: "p", sequence: 0 });
  for (let i = 0; i < 20; i++) await append(log.partition, [{ text: "x".repeat(400) }]);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  await answerOf(lease!.acknowledge(22));
  const killed = await whenDropped(storage);
  t.true((await answerOf(log.partition.bounds())).start > 15);
  await log.close();
  const again = await openLog(killed, { segmentBytes: 1500 });
  t.is(await append(again.partition, [{ text: "a" }, { text: "b" }], { id: "p", sequence: 0 }), 0);
  t.is(await append(again.partition, [{ text: "c" }], { id: "p", sequence: 2 }), 22);
  await again.close();
});

test("a file that a killed process was dropping is not missed when the power is lost after the next opening", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 1024, topic: { retention: { acknowledgedBy: ["app"] } } });
  for (let i = 0; i < 5; i++) await append(log.partition, [{ text: "x".repeat(900) }]);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  const killed: SimulatedStorage[] = [];
  storage.before = () => void killed.push(storage.afterKill());
  await answerOf(lease!.acknowledge(3));
  await whenDropped(storage);
  await log.close();
  t.true(killed.length > 5);
  for (const machine of killed) {
    const powerless: SimulatedStorage[] = [];
    machine.before = () => {
      for (let seed = 0; seed < 8; seed++) powerless.push(machine.afterPowerLoss(randomFrom(seed)));
    };
    await (await openLog(machine, { segmentBytes: 1024 })).close();
    for (const left of powerless) {
      const again = await openLog(left, { segmentBytes: 1024 });
      t.deepEqual(
        again.report.damage.filter(({ outcome }) => outcome !== "tornTail"),
        [],
      );
      t.is((await answerOf(again.partition.bounds())).end, 5);
      await again.close();
    }
  }
});

/** The storage as a kill leaves it, once nothing is removed from it any more. */
async function whenDropped(storage: SimulatedStorage): Promise<SimulatedStorage> {
  for (let count = Infinity; storage.paths().length < count;) {
    count = storage.paths().length;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return storage.afterKill();
}
