import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { isSluiceError, type RobustProducer } from "../../src/index.ts";
import { statusWhere, upTo, worldOf, type Numbered } from "./support.ts";

/** A directory that is there for one test. */
async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-journal-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Publishes numbers and waits until they are stored. */
async function publish(producer: RobustProducer<Numbered>, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) producer.push({ n });
  await producer.flush();
  await producer.drain();
}

async function sizeOf(directory: string): Promise<number> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (files === undefined) return Infinity; // Something was removed meanwhile.
  const sizes = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map((file) => stat(join(file.parentPath, file.name)).catch(() => ({ size: Infinity }))), // It is being moved.
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

test("a journal in a directory goes on where it was, over many producers", async (t) => {
  const journal = await directoryFor(t);
  const { open, stored } = await worldOf({ partitions: 2 });
  for (let session = 0; session < 5; session++) {
    const producer = await open({ journal });
    await publish(producer, upTo(20, 20 * session));
    t.deepEqual(await producer.close(), { left: 0 });
  }
  t.deepEqual(
    (await stored()).flat().sort((a, b) => a - b),
    upTo(100),
  );
});

for (const durability of ["disk", "os"] as const) {
  test(`events that are left in a directory are stored by the next producer, with their data (${durability})`, async (t) => {
    const journal = await directoryFor(t);
    const { faults, topic, open } = await worldOf();
    const heal = faults.append.fail();
    const first = await open({ journal, durability });
    for (const n of upTo(50)) first.push({ n }, new Uint8Array(n * 100).fill(n));
    await first.flush();
    t.deepEqual(await first.close({ deadline: 0 }), { left: 50 });
    heal();
    const second = await open({ journal, durability });
    await second.drain();
    await second.close();
    let n = 0;
    for await (const { metadata, data } of topic.consumer("c", { dataSelector: (_, all) => all, until: "end" })) {
      t.is(metadata.n, n);
      t.deepEqual(data.toUint8Array(), new Uint8Array(n * 100).fill(n));
      n++;
    }
    t.is(n, 50);
  });
}

test("2,000 events that were sent and one that is not take less than 64 KiB", async (t) => {
  const journal = await directoryFor(t);
  const { faults, open } = await worldOf();
  const producer = await open({ journal });
  for (const n of upTo(2000)) producer.push({ n }, new Uint8Array(1000));
  await producer.flush();
  await producer.drain();
  t.true((await sizeOf(journal)) > 2_000_000);
  faults.append.fail();
  producer.push({ n: 2000 }, new Uint8Array(1000));
  await producer.flush();
  await statusWhere(producer, ({ state }) => state === "waiting");
  await producer.compact();
  // An open log has zeros written in front of it, 64 KiB at the least, so that a sync is one of data alone.
  t.true((await sizeOf(journal)) < (64 << 10) + 2 * (64 << 10), `${await sizeOf(journal)} bytes while it is open`);
  t.deepEqual(await producer.close({ deadline: 0 }), { left: 1 });
  const closed = [await sizeOf(journal)];
  await (await open({ journal, delivery: "manual" })).close();
  closed.push(await sizeOf(journal));
  // Zeros that were on their way when it was closed may have stayed, until the next time.
  t.true(Math.min(...closed) < 64 << 10, `${closed.join(", then ")} bytes when it is closed`);
});

test("the journal gives space back by itself when nothing comes for a while", async (t) => {
  const journal = await directoryFor(t);
  const { open } = await worldOf();
  const producer = await open({ journal, compactAfter: 1 });
  for (const n of upTo(100)) producer.push({ n }, new Uint8Array(10_000));
  await producer.flush();
  await producer.drain();
  while ((await sizeOf(journal)) > 200_000) await new Promise((resolve) => setTimeout(resolve, 5));
  t.true((await sizeOf(journal)) < 200_000, `${await sizeOf(journal)} bytes`);
  await publish(producer, [100]);
  await producer.close();
});

const refused = async (t: ExecutionContext, opening: Promise<unknown>) => {
  const error = await t.throwsAsync(opening);
  t.true(isSluiceError(error, "ERR_STALE_JOURNAL"), String(error));
};

/** All that is in a directory, as one text to compare. */
async function contentOf(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const texts = await Promise.all(files.toSorted().map((file) => readFile(file, "latin1").catch(() => "gone")));
  return JSON.stringify([files.toSorted().map((file) => relative(directory, file)), texts]);
}

test("a journal that was restored from a backup is refused, whenever the backup was made", async (t) => {
  const journal = await directoryFor(t);
  const { open, faults, stored } = await worldOf();
  const backups: string[] = [];
  const backUp = async () => {
    const copy = await directoryFor(t);
    // Files are copied one behind the other, while the journal may tidy itself up: only a copy of one moment is a backup.
    for (let before = ""; before !== (await contentOf(journal)) || before !== (await contentOf(copy));) {
      before = await contentOf(journal);
      await rm(copy, { recursive: true });
      await cp(journal, copy, { recursive: true }).catch(() => undefined); // A file went meanwhile: once more.
    }
    backups.push(copy);
  };
  const first = await open({ journal });
  await publish(first, upTo(10));
  await backUp(); // While it is open.
  await publish(first, upTo(10, 10));
  await first.close();
  await backUp(); // When it is closed and empty.
  faults.append.fail();
  const second = await open({ journal });
  for (const n of upTo(10, 20)) second.push({ n });
  await second.flush();
  await second.close({ deadline: 0 });
  await backUp(); // With events in it that the newer one has sent.
  faults.heal();
  const third = await open({ journal });
  await publish(third, upTo(10, 30));
  await third.close();
  for (const copy of backups) await refused(t, open({ journal: copy }));
  const accepted = await open({ journal: backups[2]!, restored: "accept" });
  await publish(accepted, [40, 41]);
  await accepted.close();
  t.deepEqual(await stored(), [upTo(42)]);
  const newest = await open({ journal });
  await publish(newest, [42]);
  await newest.close();
  t.deepEqual(await stored(), [upTo(43)]);
});

test("a restored journal that was opened during an outage halts before it sends anything", async (t) => {
  const journal = await directoryFor(t);
  const copy = await directoryFor(t);
  const { faults, open, stored } = await worldOf();
  const first = await open({ journal });
  await publish(first, upTo(3));
  await first.close();
  await cp(journal, copy, { recursive: true });
  const second = await open({ journal });
  await publish(second, upTo(3, 3));
  await second.close();
  const outage = faults.nextSequence.fail();
  const restored = await open({ journal: copy });
  for (const n of upTo(3, 100)) restored.push({ n });
  await restored.flush();
  await statusWhere(restored, ({ state }) => state === "waiting");
  outage();
  const { error } = await statusWhere(restored, ({ state }) => state === "halted");
  t.true(isSluiceError(error, "ERR_STALE_JOURNAL"));
  t.deepEqual(await restored.close(), { left: 3 });
  t.deepEqual(await stored(), [upTo(6)]);
  const accepted = await open({ journal: copy, restored: "accept" });
  await accepted.drain();
  await accepted.close();
  t.deepEqual(await stored(), [[...upTo(6), 100, 101, 102]]);
});

test("a journal can be encrypted, and is refused with ERR_KEY to whoever has another key", async (t) => {
  const journal = await directoryFor(t);
  const { faults, open, stored } = await worldOf();
  const encryption = (fill: number) => ({
    journalOptions: { encryption: { keyId: "2026", key: () => new Uint8Array(32).fill(fill) } },
  });
  const outage = faults.append.fail();
  const first = await open({ journal, ...encryption(1) });
  for (const n of upTo(10, 1_000_000_007)) first.push({ n }, Buffer.from("an open secret"));
  await first.flush();
  await first.close({ deadline: 0 });
  for (const file of await readdir(journal, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = await readFile(join(file.parentPath, file.name));
    t.false(bytes.includes("100000000") || bytes.includes("secret"), file.name);
  }
  const error = await t.throwsAsync(open({ journal, ...encryption(2) }));
  t.true(isSluiceError(error, "ERR_KEY"), String(error));
  outage();
  const second = await open({ journal, ...encryption(1) });
  await second.drain();
  await second.close();
  t.deepEqual(await stored(), [upTo(10, 1_000_000_007)]);
});

test("a second process is refused with ERR_LOCKED and the pid of the first", async (t) => {
  const journal = await directoryFor(t);
  const program = `
    import { connect } from "sluice";
    const driver = await connect("memory:");
    const topic = await driver.createTopic("t");
    await topic.robustProducer({ journal: ${JSON.stringify(journal)} });
    console.log("open");
    setInterval(() => {}, 1000);`;
  const args = ["--conditions=sluice-source", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const { open } = await worldOf();
  const error = await open({ journal }).catch((thrown: unknown) => thrown);
  child.kill("SIGKILL");
  await ended;
  t.true(isSluiceError(error, "ERR_LOCKED"), String(error));
  t.is(isSluiceError(error) ? error.details["pid"] : undefined, child.pid);
  await (await open({ journal })).close();
});
