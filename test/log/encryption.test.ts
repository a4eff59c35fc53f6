import { randomBytes } from "node:crypto";
import test from "ava";
import { crc32c } from "../../backends/log/format/crc32c.ts";
import { logBackend, repairLog, verifyLog, type EncryptionOptions } from "../../backends/log/index.ts";
import type { SluiceError } from "../../src/index.ts";
import { segmentsOf, spoil, textOf, writtenLog } from "./damage.ts";
import { append, answerOf, joined, openLog, readAll, someBytes } from "./support.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";

const keys: Readonly<Record<string, Uint8Array>> = { old: randomBytes(32), new: randomBytes(32) };
const encryptedWith = (keyId: string, known = keys): EncryptionOptions => ({ keyId, key: async (id) => known[id] });
const encryption = encryptedWith("old");
const secrets = ["very secret metadata", "hidden in the data, over and over. "];

/** A log whose metadata and data hold the secrets. */
async function secretLog(storage: SimulatedStorage, options: EncryptionOptions | "plain" = encryption, count = 20) {
  const log = await openLog(storage, { segmentBytes: 16_384, ...(options !== "plain" && { encryption: options }) });
  const data = new TextEncoder().encode(secrets[1]!.repeat(300));
  for (let i = 0; i < count; i++) await append(log.partition, [{ text: `${secrets[0]} ${i}`, data }], undefined);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  await answerOf(lease!.acknowledge(2));
  return log;
}

/** Whether bytes stand in any file. */
function stands(storage: SimulatedStorage, bytes: Uint8Array | string): boolean {
  return storage.paths().some((path) => Buffer.from(storage.bytesOf(path)).includes(bytes as Buffer));
}

test("no byte of metadata, of data or of a key is on the disk", async (t) => {
  const [plain, encrypted] = [new SimulatedStorage(), new SimulatedStorage()];
  const open = await secretLog(encrypted);
  for (const when of ["open", "closed"]) {
    for (const secret of secrets) t.false(stands(encrypted, secret.slice(0, 8)), `${when}: ${secret}`);
    for (const key of Object.values(keys)) t.false(stands(encrypted, key.subarray(0, 8)));
    if (when === "open") await open.close();
  }
  await (await secretLog(plain, "plain")).close();
  for (const secret of secrets) t.true(stands(plain, secret.slice(0, 8)), "The search finds what is there");
});

test("what was encrypted is read as it was stored: from memory, after a new opening, and in part", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { encryption });
  const data = someBytes(50_000);
  const producer = { id: "p", sequence: 0 };
  await append(log.partition, [{ text: "a", data }, { text: "b" }, { text: "c", data: someBytes(5, 1) }], producer);
  await append(log.partition, [{ text: "d" }]);
  const ranges = new Float64Array([4000, 200, 20_000, 5000]);
  const view = joined([data.subarray(4000, 4200), data.subarray(20_000, 25_000)]);
  const read = async ({ partition }: typeof log) => {
    const { events, errors } = await readAll(partition);
    const [part] = await answerOf(partition.fetch([{ id: 0, location: undefined, ranges }]));
    t.deepEqual(joined(part!), view);
    return [errors, events.map(({ text }) => text).join(""), events[0]!.data, events[2]!.data];
  };
  const expected = [[], "abcd", data, someBytes(5, 1)];
  t.deepEqual(await read(log), expected);
  const killed = storage.afterKill();
  await log.close();
  for (const each of [storage, killed]) {
    const again = await openLog(each, { encryption });
    t.is(again.report.outcome, "clean");
    t.deepEqual(await read(again), expected);
    t.is(await append(again.partition, [{ text: "again" }], producer), 0); // It is known, although it was encrypted.
    await again.close();
  }
});

test("a view of one percent of an encrypted event reads about as many bytes as the view has", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { encryption });
  await append(log.partition, [{ text: "large", data: new Uint8Array(8 << 20) }]);
  await log.close();
  const again = await openLog(storage, { encryption });
  await answerOf(again.partition.read(0, { maxEvents: 1, maxBytes: 1 << 20 }));
  let bytes = 0;
  const open = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return { ...file, read: async (target, at) => ((bytes += target.length), file.read(target, at)) };
  };
  const fresh = await openLog(storage.copy(), { encryption }); // Nothing of it is in memory.
  await fresh.close();
  const size = (8 << 20) / 100;
  await answerOf(again.partition.fetch([{ id: 0, location: undefined, ranges: new Float64Array([1 << 20, size]) }]));
  t.true(bytes <= size + 2 * 4096 + 1024, `${bytes} bytes`);
  await again.close();
});

test("keys are rotated: new files have the new key, old ones are read with theirs, and plain ones as they are", async (t) => {
  const storage = new SimulatedStorage();
  await (await secretLog(storage, "plain", 2)).close();
  await (await secretLog(storage, encryptedWith("old"), 2)).close();
  await (await secretLog(storage, encryptedWith("new"), 2)).close();
  await (await secretLog(storage, encryptedWith("new"), 2)).close();
  const asked: string[] = [];
  const key = (id: string) => (asked.push(id), keys[id]);
  const log = await openLog(storage, { encryption: { keyId: "new", key } });
  const { events, errors } = await readAll(log.partition);

  t.deepEqual([events.length, errors], [8, []]);
  t.true(
    events.every(({ text, data }, i) => text === `${secrets[0]} ${i % 2}` && data.length === secrets[1]!.length * 300),
  );
  t.deepEqual(asked.toSorted(), ["new", "old"]); // Once each.
  await log.close();
  const report = await verifyLog("/log", { storage });
  const { segments } = report.topics[0]!.partitions[0]!;
  t.deepEqual(new Set(segments.map(({ keyId }) => keyId)), new Set([undefined, "old", "new"]));
});

test("each opening encrypts a segment of its own, so that no nonce is used twice", async (t) => {
  const storage = new SimulatedStorage();
  for (let i = 0; i < 4; i++) await (await secretLog(storage, encryption, 1)).close();
  t.is(segmentsOf(storage).length, 4);
  t.is(
    new Set(segmentsOf(storage).map((path) => Buffer.from(storage.bytesOf(path).subarray(16, 32)).toString("hex")))
      .size,
    4,
  );
});

const wrongs: Readonly<Record<string, EncryptionOptions | undefined>> = {
  "another key of the same id": encryptedWith("old", { old: randomBytes(32) }),
  "a key that is not known": encryptedWith("new", { new: keys["new"]! }),
  "no option": undefined,
};

for (const [what, wrong] of Object.entries(wrongs)) {
  test(`with ${what}, nothing is read or written, and it is not taken for damage`, async (t) => {
    const storage = new SimulatedStorage();
    await (await secretLog(storage)).close();
    const before = storage.paths().map((path) => [path, storage.bytesOf(path).slice()]);
    const log = await openLog(storage, { encryption: wrong });
    t.is(log.report.outcome, "wrongKey");
    t.deepEqual(
      [log.report.damage[0]!.outcome, log.report.damage[0]!.fromId, log.report.damage[0]!.toId],
      ["wrongKey", 0, 0],
    );
    const reading = await t.throwsAsync<SluiceError>(answerOf(log.partition.read(0, { maxEvents: 1, maxBytes: 1 })));
    t.like(reading, { code: "ERR_KEY", details: { keyId: "old" } });
    await t.throwsAsync(append(log.partition, [{ text: "x" }]), { code: "ERR_KEY" });
    await log.close();
    t.deepEqual(
      storage.paths().map((path) => [path, storage.bytesOf(path).slice()]),
      before,
    );
    const again = await openLog(storage, { encryption });
    t.is((await readAll(again.partition)).events.length, 20);
    await again.close();
  });
}

test("a key that cannot be had fails the opening, and no error holds a key", async (t) => {
  const secret = randomBytes(32);
  const bad: EncryptionOptions["key"][] = [
    () => undefined,
    () => Promise.reject(new Error("the vault is shut")),
    () => secret.subarray(1),
    () => "x" as never,
  ];
  for (const key of bad) {
    const error = await t.throwsAsync<SluiceError>(
      logBackend("/log", { storage: new SimulatedStorage(), encryption: { keyId: "k", key } }),
    );
    t.like(error, { code: "ERR_KEY", details: { keyId: "k" } });
    const told = JSON.stringify([error.message, error.details, String(error.cause), error.stack]);
    for (const form of ["hex", "base64", "latin1"] as const) t.false(told.includes(secret.toString(form).slice(2, 12)));
  }
  for (const wrong of [{ keyId: 7 }, { keyId: "a b", key: () => secret }, { keyId: "k", key: secret }])
    await t.throwsAsync(logBackend("/log", { storage: new SimulatedStorage(), encryption: wrong as never }), {
      message: /encryption/,
    });
});

test("what is changed together with its checksums is never read as something else", async (t) => {
  const sound = new SimulatedStorage();
  const log = await openLog(sound, { encryption });
  await append(log.partition, [{ text: "some metadata", data: someBytes(100) }]);
  await log.close();
  const path = segmentsOf(sound)[0]!;
  const start = 512;
  // The time of the event, its metadata, its data.
  for (const [what, at] of [
    ["time", 96],
    ["metadata", 96 + 8 + 8 + 8],
    ["data", 96 + 8 + 8 + 8 + 16 + 32],
  ] as const) {
    const storage = sound.copy();
    const bytes = storage.bytesOf(path).slice();
    const view = new DataView(bytes.buffer);
    bytes[start + at]! ^= 1;
    if (what === "data")
      view.setUint32(start + 96 + 8 + 8 + 4, crc32c(bytes.subarray(start + at, start + at + 100)), true);
    view.setUint32(start + 60, crc32c(bytes.subarray(start + 96, start + 96 + 8 + 8 + 8 + 16 + 32)), true);
    view.setUint32(start + 4, crc32c(bytes.subarray(start + 8, start + 96), start / 8), true);
    storage.replace(path, bytes);
    const again = await openLog(storage, { encryption });
    const { events, errors } = await readAll(again.partition);
    t.deepEqual(events, [], what);
    t.like(errors[0], { code: "ERR_STORAGE" }, `${what}: ${String(errors[0])}`);
    await again.close();
  }
});

test("damage is found without a key, and repaired with it", async (t) => {
  const storage = await writtenLog("closed", { encryption });
  const path = segmentsOf(storage)[0]!;
  const bytes = storage.bytesOf(path).slice();
  const second = Buffer.from(bytes).indexOf("SLBT", 600);
  bytes[second + 200]! ^= 1;
  storage.replace(path, bytes);
  const { outcome, losses } = await verifyLog("/log", { storage });
  t.is(outcome, "corrupt");
  t.deepEqual(losses, [{ kind: "events", topic: "t", partition: 0, fromId: 1, toId: 2 }]);
  t.is((await verifyLog("/log", { storage, encryption: wrongs["another key of the same id"] })).outcome, "corrupt");
  await t.throwsAsync(repairLog("/log", { accept: losses, storage }), { code: "ERR_KEY" });
  await repairLog("/log", { accept: losses, storage, encryption: encryptedWith("new") });
  t.false(stands(storage, textOf(0).slice(0, 8)));
  const log = await openLog(storage, { encryption: encryptedWith("new") });
  const { events } = await readAll(log.partition);
  t.deepEqual([events.length, events[1]!.id, events[1]!.text], [59, 2, textOf(2)]);
  await log.close();
  spoil(storage, segmentsOf(storage)[1]!, "SLUICSEG");
  t.is((await verifyLog("/log", { storage, encryption })).outcome, "corrupt");
});

test("a read-only backend reads with the keys", async (t) => {
  const storage = new SimulatedStorage();
  const log = await secretLog(storage);
  const reader = await logBackend("/log", { storage, mode: "read-only", encryption });
  const partition = (await answerOf(reader.openTopic("t"))).partitions[0]!;
  while ((await answerOf(partition.bounds())).end < 20);
  t.is((await readAll(partition)).events.length, 20);
  await answerOf(reader.close());
  const blind = await logBackend("/log", { storage, mode: "read-only" });
  const closed = (await answerOf(blind.openTopic("t"))).partitions[0]!;
  t.is((await answerOf(closed.bounds())).end, 20);
  await t.throwsAsync(answerOf(closed.read(0, { maxEvents: 1, maxBytes: 1 })), { code: "ERR_KEY" });
  await answerOf(blind.close());
  await log.close();
});
