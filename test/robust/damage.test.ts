import test, { type ExecutionContext } from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { isSluiceError } from "../../src/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { SimulatedStorage } from "../log/simulatedStorage.ts";
import { tier } from "../log/trials.ts";
import { atOnce, driverOf, statusWhere, storedIn, upTo, type Numbered } from "./support.ts";

const events = 20;
/** Every byte and every bit in the longer tiers; in the short one every few, so that all bits of a byte have their turn. */
const cutEvery = tier === "quick" ? 61 : 1;
const every = tier === "quick" ? 251 : tier === "crash" ? 7 : 1;

/** How often a journal was whole in spite of the damage, had lost a torn tail, and had its damage named. */
interface Counts {
  whole: number;
  torn: number;
  named: number;
}

/** A journal of twenty events, none of which has been sent: closed in good order, or as a kill leaves it. */
async function writtenJournal(end: "closed" | "killed", isWrittenAnew: boolean): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage();
  const link = new FaultPlan();
  const driver = await driverOf(withFaults(memoryBackend(), link));
  const topic = await driver.createTopic<Numbered>("t");
  const options = { journal: "/journal", journalOptions: { storage }, retry: atOnce, compactAfter: Infinity };
  const producer = await topic.robustProducer(options);
  if (isWrittenAnew) {
    for (const n of upTo(40)) producer.push({ n: -n }, new Uint8Array(1000));
    await producer.flush();
    await producer.drain();
    await producer.compact();
  }
  link.append.hang();
  link.nextSequence.hang();
  for (const n of upTo(events)) await producer.push({ n }, n % 5 === 0 ? new Uint8Array(30).fill(n) : null).accepted;
  while (end === "killed" && !isMarked(storage)) await new Promise((resolve) => setTimeout(resolve, 10));
  const killed = storage.copy();
  await producer.close({ deadline: 0 });
  return end === "closed" ? storage.copy() : killed;
}

/** Whether the journal says how far it reaches, which it does after a while. */
function isMarked(storage: SimulatedStorage): boolean {
  const [control] = storage.paths().filter((path) => path.endsWith("/p0/0000000000.seg"));
  return Buffer.from(storage.bytesOf(control!)).includes(`"ends":[${events}]`);
}

/** Opens a journal that may be damaged, and sends all that is in it. Returns what arrived, or the error. */
async function drained(storage: SimulatedStorage): Promise<number[] | Error> {
  const driver = await driverOf(memoryBackend());
  const topic = await driver.createTopic<Numbered>("t");
  try {
    const journalOptions = { storage };
    const producer = await topic.robustProducer({
      journal: "/journal",
      journalOptions,
      retry: atOnce,
      compactAfter: Infinity,
    });
    const halted = statusWhere(producer, ({ state }) => state === "halted");
    const reason = await Promise.race([producer.drain(), halted]);
    await producer.close();
    if (reason !== undefined) throw reason.error;
    return (await storedIn(topic))[0]!;
  } catch (error) {
    return error as Error;
  } finally {
    await driver.close();
  }
}

/**
 * Whether all that was accepted is there, or else the damage was named. After a kill the last write looks like one that was
 * torn before anybody was told of it: there is nothing that proves the contrary.
 */
function check(t: ExecutionContext, outcome: number[] | Error, end: "closed" | "killed", about: string): keyof Counts {
  if (outcome instanceof Error) {
    t.true(isSluiceError(outcome), `${about}: ${outcome.stack}`);
    return "named";
  }
  if (end === "killed" && outcome.length === events - 1) {
    t.deepEqual(outcome, upTo(events - 1), about);
    return "torn";
  }
  t.deepEqual(
    outcome.filter((n) => n >= 0),
    upTo(events),
    about,
  );
  return "whole";
}

for (const [end, isWrittenAnew] of [
  ["closed", false],
  ["killed", false],
  ["closed", true],
] as const) {
  const title = `${end}${isWrittenAnew ? ", written anew before" : ""}`;

  test(`a journal of 20 events that is cut at any byte of any file loses nothing without a word (${title})`, async (t) => {
    t.timeout(8 * 3_600_000);
    const whole = await writtenJournal(end, isWrittenAnew);
    const counts: Counts = { whole: 0, torn: 0, named: 0 };
    for (const path of whole.paths()) {
      const bytes = whole.bytesOf(path);
      const last = bytes.findLastIndex((byte) => byte !== 0) + 1; // Zeros that were written ahead are no part of it.
      for (let size = 0; size <= last; size += cutEvery) {
        const storage = whole.copy();
        storage.replace(path, bytes.slice(0, size));
        counts[check(t, await drained(storage), end, `${path} cut to ${size} of ${bytes.length} bytes`)]++;
      }
    }
    t.log(counts);
    t.true(counts.named > 0);
  });

  test(`any bit that flips in any file of a journal of 20 events loses nothing without a word (${title})`, async (t) => {
    t.timeout(8 * 3_600_000);
    const whole = await writtenJournal(end, isWrittenAnew);
    const counts: Counts = { whole: 0, torn: 0, named: 0 };
    for (const path of whole.paths()) {
      const bytes = whole.bytesOf(path);
      const last = bytes.findLastIndex((byte) => byte !== 0) + 1;
      for (let bit = 0; bit < 8 * last; bit += every) {
        const storage = whole.copy();
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        storage.replace(path, flipped);
        counts[check(t, await drained(storage), end, `${path} bit ${bit}`)]++;
      }
    }
    t.log(counts);
    t.true(counts.named > 0);
  });
}
