import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { verifyLog, type LogOptions } from "../../backends/log/index.ts";
import { isSluiceError } from "../../src/index.ts";
import { goldenEvents, goldenKeys, goldenStates } from "../fixtures/logs/goldenEvents.ts";
import { testDirectory } from "./remote.ts";
import { append, answerOf, openLog, readAll, type ReadEvent } from "./support.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";

// What was written by a version of Sluice is read by every later one. Where one of these tests fails, old logs can no longer be
// read: it takes a new version of the format beside the old one, and new golden logs beside these.
const logs = fileURLToPath(new URL("../fixtures/logs/", import.meta.url));

/** How many events of the log are not there, by partition. */
interface Expected {
  readonly options?: LogOptions;
  readonly outcomes: readonly string[];
  /** Batches of the first partition, and of the second, by their index in `goldenEvents`, that are not there. */
  readonly missing?: readonly number[];
}

const expectations: Readonly<Record<string, Expected>> = {
  "v1/plain": { outcomes: ["clean", "clean"] },
  "v1/encrypted": {
    outcomes: ["clean", "clean"],
    options: { encryption: { keyId: "b", key: (id) => goldenKeys[id] } },
  },
  "v1/torn": { outcomes: ["clean", "tornTail"], missing: [13] },
  "v1/repaired": { outcomes: ["clean", "clean"], missing: [2] },
};

/** The events of one partition, with the ids that they were given. */
function eventsOf(partition: number, missing: readonly number[] = []): ReadEvent[] {
  return goldenEvents.flatMap((batch, i) =>
    i % 2 !== partition || missing.includes(i)
      ? []
      : batch.map(({ text, data = new Uint8Array(0) }, k) => ({ id: 3 * (i >> 1) + k, text, data })),
  );
}

for (const [name, { options = {}, outcomes, missing }] of Object.entries(expectations)) {
  test(`the golden log ${name} is read, verified and written on`, async (t) => {
    const directory = join(await testDirectory(t), "log");
    await cp(join(logs, name), directory, { recursive: true });
    const report = await verifyLog(directory, options);
    t.deepEqual(
      report.topics[0]!.partitions.map(({ outcome }) => outcome),
      outcomes as (typeof report.topics)[0]["outcome"][],
    );
    t.deepEqual(report.losses, []);
    for (const opening of ["first", "second"]) {
      const log = await openLog(undefined, { directory, ...options });
      for (const [index, partition] of log.topic.partitions.entries()) {
        const { events, errors } = await readAll(partition);
        t.deepEqual(errors, []);
        const expected = eventsOf(index, missing);
        t.deepEqual(events.slice(0, expected.length), expected, `${opening} opening, partition ${index}`);
        t.is(events.length, opening === "first" ? expected.length : expected.length + 1);
        if (opening === "first") await append(partition, [{ text: "after" }]);
      }
      t.deepEqual(await answerOf(log.topic.cursors("reader")), [4, 4]);
      // Its producer is known: what it sends again is stored once.
      t.is(await append(log.topic.partitions[0]!, goldenEvents[12]!, { id: "golden", sequence: 18 }), 18);
      await log.close();
    }
  });
}

test("the golden log v1/compacted is read, verified and written on", async (t) => {
  const directory = join(await testDirectory(t), "log");
  await cp(join(logs, "v1/compacted"), directory, { recursive: true });
  t.like(await verifyLog(directory), { outcome: "clean", losses: [] });
  const log = await openLog(undefined, { directory });
  const { events, errors } = await readAll(log.partition);
  t.deepEqual(errors, []);
  t.true(events.length <= 30);
  for (const { id, text, data } of events) {
    t.is(text, new TextDecoder().decode(goldenStates[id]!.metadata));
    t.deepEqual(data, goldenStates[id]!.data[0] ?? new Uint8Array(0));
  }
  t.deepEqual(
    events.slice(-4).map(({ id }) => id),
    [56, 57, 58, 59],
  );
  t.is(await append(log.partition, [{ text: "after" }]), 60);
  await log.close();
});

test("there is an expectation for each golden log", async (t) => {
  const versions = (await readdir(logs)).filter((name) => /^v\d+$/.test(name));
  const names = await Promise.all(
    versions.map(async (version) => (await readdir(join(logs, version))).map((name) => `${version}/${name}`)),
  );
  t.deepEqual(names.flat().sort(), [...Object.keys(expectations), "v1/compacted"].sort());
});

test("a topic that another version has written is neither read nor taken for damage", async (t) => {
  const storage = new SimulatedStorage();
  await (await openLog(storage)).close();
  const path = storage.paths().find((each) => each.endsWith("topic.json"))!;
  const { crc32c } = await import("../../backends/log/format/crc32c.ts");
  const json = new TextDecoder().decode(storage.bytesOf(path)).split("\n")[0]!.replace('"version":1', '"version":2');
  const checksum = crc32c(new TextEncoder().encode(json)).toString(16).padStart(8, "0");
  storage.replace(path, new TextEncoder().encode(`${json}\n${checksum}\n`));
  const error = await openLog(storage).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(error, "ERR_UNSUPPORTED"), String(error));
  t.like(await verifyLog("/log", { storage }), { outcome: "unknownVersion", losses: [], unreadable: [] });
});
