import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { root } from "../house/run.ts";
import { runExample } from "./runExample.ts";

/** Runs a program that must succeed, and returns the lines that it prints. */
async function linesOf(t: ExecutionContext, name: string): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(name);
  t.is(code, 0, stderr);
  t.is(stderr, "");
  return stdout.trimEnd().split("\n");
}

test("quickstart prints what its comment says", async (t) => {
  t.deepEqual(await linesOf(t, "quickstart.ts"), ["12 0", "42 64"]);
});

test("quickstart is the first block of the README", async (t) => {
  const [readme, program] = await Promise.all(
    ["README.md", "examples/quickstart.ts"].map((file) => readFile(join(root, file), "utf8")),
  );
  // Line breaks may differ, since the two are not equally wide.
  const compact = (code = "") => code.replaceAll(/\s+/g, "").replaceAll(/,(?=[})\]])/g, "");
  t.is(compact(/```ts\n(.*?)```/s.exec(readme!)?.[1]), compact(program));
});

test("collisions packs one byte, rejects what is too energetic, and moves the readings of the rest", async (t) => {
  t.deepEqual(await linesOf(t, "collisions.ts"), [
    "The metadata of a collision takes 1 byte",
    "100 collisions stored, 10 rejected: The metadata is refused by the validator: the energy must be below 100: it is 100",
    "100 collisions consumed, 79 of them with their readings: 20224 bytes moved",
    "Partition 0: 34 collisions, acknowledged up to 34",
    "Partition 1: 33 collisions, acknowledged up to 33",
    "Partition 2: 33 collisions, acknowledged up to 33",
  ]);
});

test("dead-letters retries, puts aside what cannot be handled, and goes on", async (t) => {
  t.deepEqual(await linesOf(t, "dead-letters.ts"), [
    "2 × lamp, at try 3",
    "1 × table",
    "0 orders are left",
    'Dead letter: event 1 of "orders" (chair), RangeError: an order of no pieces',
    'Its data came along: "a scan of the order"',
  ]);
});

test("back-pressure never pulls more than the batches that may be on their way", async (t) => {
  const [rate, ahead] = await linesOf(t, "back-pressure.ts");
  t.regex(rate!, /^1000 events stored in \d+ ms, 20 to a batch, 5 ms a batch$/);
  const most = Number(/never was more than (\d+) events ahead/.exec(ahead!)?.[1]);
  t.true(most > 20 && most <= 60, ahead);
});

test("groups hands partitions over and handles nothing twice", async (t) => {
  const [alone, both, other, shares] = await linesOf(t, "groups.ts");
  t.regex(alone!, /^ada alone +0: ada, 1: ada, 2: ada, 3: ada$/);
  t.is(both!.match(/: ada/g)?.length, 2, both);
  t.is(both!.match(/: ben/g)?.length, 2, both);
  t.regex(other!, /^ben alone +0: ben, 1: ben, 2: ben, 3: ben$/);
  t.is(shares, "120 numbers: 60 by ada, 60 by ben, none twice");
});

test("outage accepts alerts while the backend is away, and stores each once and in order", async (t) => {
  const lines = await linesOf(t, "outage.ts");
  t.regex(lines.splice(4, 1)[0]!, /^0 alerts are left, after \d+ attempts$/);
  t.deepEqual(lines, [
    "1000 alerts accepted while the backend is away",
    "The program ends: 1000 alerts are left in the journal",
    "The next program goes on: alert 1000 accepted",
    "It is stored as event 1000",
    "1001 alerts stored, each once and in order",
  ]);
});

test("zod-types refuses what the compiler has not seen and fills in defaults", async (t) => {
  t.deepEqual(await linesOf(t, "zod-types.ts"), [
    'Refused: The metadata at /detector is refused by the schema: Invalid option: expected one of "ecal"|"hcal"',
    "Refused: The metadata at /energy is refused by the schema: Invalid input: expected number, received undefined",
    "energy 42 in ecal, labels []",
    "energy 7 in hcal, labels [muon, tagged]",
  ]);
});

test("service-quickstart goes through the seeds' getting started on a real week of earthquakes", async (t) => {
  const lines = await linesOf(t, "service-quickstart.ts");
  t.true(lines.includes("Created my_topic with 1 partition."));
  t.true(lines.includes("my_topic has 2 partitions."));
  t.true(
    lines.some((line) => /^1707 earthquakes came; the strongest had magnitude \d/.test(line)),
    lines.join("\n"),
  );
  t.true(lines.includes("app2 is 0 events behind in my_topic."));
  t.is(lines.at(-1), "The service has stopped.");
});

test("exactly-once bills every order once, though it is stopped and an answer is lost", async (t) => {
  t.deepEqual(await linesOf(t, "exactly-once.ts"), [
    "99 bills for 99 orders, with 1 answer lost",
    "Order 42 is put aside: an order of no pieces",
    "0 orders are left",
  ]);
});

test("telemetry joins pushes and handlers in one trace each, and counts both", async (t) => {
  const lines = await linesOf(t, "telemetry.ts");
  t.deepEqual(lines.slice(0, 3), [
    "push collisions > process collisions ok",
    "push collisions > process collisions ok",
    "push collisions > process collisions RangeError",
  ]);
  t.true(lines.includes("messaging.client.sent.messages 3"), lines.join("\n"));
  t.true(lines.includes("messaging.process.duration 2") || lines.includes("messaging.process.duration 1"));
});
