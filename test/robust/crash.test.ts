import test, { type ExecutionContext } from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import type { Backend, RobustProducer } from "../../src/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { inSeededTime, paced } from "../log/seededTime.ts";
import { randomFrom, SimulatedStorage, systemError } from "../log/simulatedStorage.ts";
import { seed as firstSeed, trials, withoutFailure } from "../log/trials.ts";
import { driverOf, storedIn, upTo, type Numbered } from "./support.ts";

/** How many chains of crashes are tried. */
const chains = trials({ quick: 10, crash: 80, soak: 4000 });
const crashesInChain = 5;

/** Of which operations one fails. Those that nobody waits for are few, and it is they that fail beside something else. */
const counters: readonly { readonly most: number; readonly counts: (operation: string, path: string) => boolean }[] = [
  { most: 400, counts: () => true },
  { most: 40, counts: (_, path) => path.endsWith("/head") },
  { most: 60, counts: (_, path) => path.includes("/cursors") },
  { most: 60, counts: (operation) => operation === "sync" },
  { most: 40, counts: (operation) => ["rename", "unlink", "removeDirectory", "syncDirectory"].includes(operation) },
];

/** What is known of one chain: the numbers that were pushed, and those of which it was said that they are accepted. */
interface Oracle {
  pushed: number;
  readonly accepted: Set<number>;
}

/** Opens a producer on a journal of this storage, over a link of its own. The disk is slow and the link is slow now and then, as the dice say. */
async function openSession(disk: SimulatedStorage, target: Backend, random: () => number) {
  const storage = paced(disk, random);
  const link = new FaultPlan();
  for (const ms of [1, 3, 9]) link.append.delay(ms, { when: () => random() < 0.3 });
  const driver = await driverOf(withFaults(target, link));
  const topic = (await driver.topicExists("t"))
    ? await driver.openTopic<Numbered>("t")
    : await driver.createTopic<Numbered>("t");
  const journalOptions = { storage, segmentBytes: 20_000 };
  const open = () =>
    topic.robustProducer({
      journal: "/journal",
      journalOptions,
      retry: { initialDelay: 1 + Math.floor(random() * 30), maxDelay: 30, jitter: 0 },
      compactAfter: Math.floor(random() * 10),
      maxBatchEvents: 16,
    });
  return { link, driver, topic, open };
}

function pushSome(producer: RobustProducer<Numbered>, count: number, oracle: Oracle, random: () => number): void {
  for (let i = 0; i < count; i++) {
    const n = oracle.pushed++;
    const data = random() < 0.3 ? new Uint8Array(Math.floor(random() * 3000)).fill(n) : null;
    producer.push({ n }, data).accepted.then(
      () => oracle.accepted.add(n),
      () => undefined,
    );
  }
}

/** Publishes until the storage fails, which is at a random one of its operations. What it said by then has to hold. */
async function crashOnce(
  storage: SimulatedStorage,
  target: Backend,
  oracle: Oracle,
  random: () => number,
  code: "EIO" | "ENOSPC",
  isLasting: boolean,
): Promise<void> {
  const { link, open } = await openSession(storage, target, random);
  let answers = 0;
  const lost = Math.floor(random() * 2);
  link.append.loseAnswer(new Error("connection reset"), { when: () => ++answers % 2 === lost });
  if (random() < 0.3) link.append.fail(new Error("no route"), { times: 1 + Math.floor(random() * 5) });
  const counted = counters[Math.floor(random() * counters.length)]!;
  let left = Math.floor(random() * counted.most);
  storage.before = (operation, path) => {
    if (left >= 0 && !counted.counts(operation, path)) return;
    left--;
    if (left === -1 || (left < -1 && isLasting)) throw systemError(code, `${operation} ${path}`);
  };
  const producer = await open().catch(() => undefined);
  if (producer !== undefined) {
    for (let turn = 0; turn < 40 && (left > 0 || !isLasting); turn++) {
      pushSome(producer, Math.floor(random() * 20), oracle, random);
      await new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 20)));
    }
    if (isLasting) left = 0; // From here on nothing reaches the disk.
  }
  link.append.hang();
  link.nextSequence.hang();
  await producer?.close({ deadline: 0 }).catch(() => undefined);
}

/** Sends everything, and checks what is stored against what was said. */
async function settle(
  t: ExecutionContext,
  storage: SimulatedStorage,
  target: Backend,
  oracle: Oracle,
  random: () => number,
  about: string,
) {
  const { open, topic } = await openSession(storage, target, random);
  const producer = await open();
  pushSome(producer, 3, oracle, () => 1);
  await producer.flush();
  await producer.drain();
  t.deepEqual(await producer.close(), { left: 0 }, about);
  const [stored = []] = await storedIn(topic);
  const wrong = stored.findIndex((n, i) => i > 0 && n <= stored[i - 1]!);
  t.is(wrong, -1, `${about}: stored twice or out of order: ${stored.slice(wrong - 5, wrong + 5).join(" ")}`);
  const missing = [...oracle.accepted].filter((n) => !new Set(stored).has(n));
  t.deepEqual(missing, [], `${about}: accepted and not stored`);
}

/** Runs chains of crashes, and checks each when it is over. */
async function runChains(
  t: ExecutionContext,
  survivor: (storage: SimulatedStorage, random: () => number) => SimulatedStorage,
  code: "EIO" | "ENOSPC",
  isLasting: boolean,
): Promise<void> {
  t.timeout(8 * 3_600_000);
  let accepted = 0;
  for (const seed of upTo(chains, firstSeed)) {
    const random = randomFrom(seed);
    const target = memoryBackend();
    const oracle: Oracle = { pushed: 0, accepted: new Set() };
    await inSeededTime(async () => {
      let storage = new SimulatedStorage();
      for (let crash = 0; crash < crashesInChain; crash++) {
        await crashOnce(storage, target, oracle, random, code, isLasting);
        storage = survivor(storage, random);
      }
      await settle(t, storage, target, oracle, random, `seed ${seed}`);
    }).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    });
    accepted += oracle.accepted.size;
  }
  t.log(`${withoutFailure(chains * crashesInChain, "crashes")}; ${accepted} events were accepted`);
  t.true(accepted > chains);
}

const killed = (storage: SimulatedStorage) => storage.afterKill();
const withoutPower = (storage: SimulatedStorage, random: () => number) => storage.afterPowerLoss(random);

test.serial(
  "a kill at any operation of the disk, with half of the answers lost: accepted is stored, once and in order",
  (t) => runChains(t, killed, "EIO", true),
);

test.serial(
  "a loss of power at any operation of the disk, with half of the answers lost: accepted is stored, once and in order",
  (t) => runChains(t, withoutPower, "EIO", true),
);

test.serial("a disk that fails once, and a loss of power later: accepted is stored, once and in order", (t) =>
  runChains(t, withoutPower, "EIO", false),
);

test.serial("a disk that is full once, and goes on after it: accepted is stored, once and in order", (t) =>
  runChains(t, killed, "ENOSPC", false),
);
