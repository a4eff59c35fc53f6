import test from "ava";
import { afterChange, batchesFrom, repairAndJudge, soundLog, type LogEnd, type SoundLog } from "./damage/soundLog.ts";
import { randomFrom, SimulatedStorage } from "./simulatedStorage.ts";
import { answerOf, append, openLog, someBytes } from "./support.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

const shapes = trials({ quick: 4, crash: 20, soak: 1000 });
const blockTrials = trials({ quick: 1000, crash: 5000, soak: 200_000 });

const ends: readonly LogEnd[] = ["closed", "killed", "without power"];

type Change = (bytes: Uint8Array, at: number) => Uint8Array;

const changes: Readonly<Record<string, Change>> = {
  cut: (bytes, at) => bytes.slice(0, at),
  zeroed: (bytes, at) => bytes.slice().fill(0, at),
  "filled with garbage": (bytes, at) => {
    const copy = bytes.slice();
    for (let i = at; i < copy.length; i++) copy[i] = (copy[i]! * 7 + 13 * i + 1) & 0xff;
    return copy;
  },
};

for (const [damage, change] of Object.entries(changes)) {
  test(`${shapes} shapes of batches, the last one ${damage} from any of its bytes on: nothing is altered, all before it stays, and what was stored is missed`, async (t) => {
    t.timeout(8 * 3_600_000);
    let count = 0;
    for (let shape = 0; shape < shapes; shape++) {
      const dice = seed * 1_000_000 + shape;
      const end = ends[shape % ends.length]!;
      const sound = await soundLog(end, batchesFrom(randomFrom(dice), 4));
      const last = sound.extents.at(-1)!;
      const before = sound.extents.slice(0, -1);
      const bytes = sound.storage.bytesOf(last.path);
      for (let at = last.from; at < last.to; at++) {
        const changed = change(bytes, at);
        const { problems, outcome, isNamed, count: read } = await afterChange(sound, last.path, changed, before);
        const isWhole = read === sound.events.length;
        if (!isWhole && !isNamed && end !== "without power") problems.push(`${read} events, and nobody was told`);
        if (!isWhole && outcome !== "truncated" && outcome !== "corrupt" && end === "killed")
          problems.push(`${read} events, and it is ${outcome}`);
        if (!isWhole && end === "without power" && outcome !== "tornTail" && outcome !== "clean")
          problems.push(`a torn tail is ${outcome}`);
        if (isWhole && damage === "cut" && end === "closed" && outcome === "clean")
          problems.push("a log that was cut is clean");
        count++;
        if (problems.length > 0) return t.fail(`Dice ${dice}, byte ${at}: ${problems.join("; ")}`);
      }
    }
    t.log(withoutFailure(count, "damaged logs"));
    t.true(count > 100 * shapes);
  });
}

test("a log that is cut behind any batch: all before the cut stays, and what was stored is missed", async (t) => {
  let count = 0;
  for (let shape = 0; shape < shapes; shape++) {
    const dice = seed * 1_000_000 + shape;
    const end = ends[shape % ends.length]!;
    const sound = await soundLog(end, batchesFrom(randomFrom(dice), 12));
    for (const [i, { path, from }] of sound.extents.entries()) {
      const bytes = sound.storage.bytesOf(path).slice(0, from);
      const { problems, outcome, isNamed } = await afterChange(sound, path, bytes, sound.extents.slice(0, i));
      if (end !== "without power" && (outcome !== "truncated" || !isNamed)) problems.push(`it is ${outcome}`);
      count++;
      if (problems.length > 0) return t.fail(`Dice ${dice}, cut at ${from}: ${problems.join("; ")}`);
    }
  }
  t.log(withoutFailure(count, "cuts"));
  t.true(count > shapes);
});

const sizes = [512, 4096];

test(`${blockTrials} times a block that is swapped, stale or written to the wrong place: nothing is altered, and undamaged batches stay, also through a repair`, async (t) => {
  t.timeout(8 * 3_600_000);
  const outcomes: Record<string, number> = {};
  let sound: SoundLog | undefined;
  let end: LogEnd = "closed";
  let repairs = 0;
  for (let trial = 0; trial < blockTrials; trial++) {
    const dice = seed * 1_000_000 + trial;
    const random = randomFrom(dice);
    const below = (limit: number) => Math.floor(random() * limit);
    if (sound === undefined || trial % 200 === 0) {
      end = ends[below(ends.length)]!;
      sound = await soundLog(end, Array.from({ length: 12 }, () => batchesFrom(random, 3)).flat(), 6000);
    }
    const { storage, segments, extents } = sound;
    const size = sizes[below(2)]!;
    const path = segments[below(segments.length)]!;
    const bytes = storage.bytesOf(path).slice();
    const blocks = Math.ceil(bytes.length / size);
    const to = below(blocks);
    const kind = ["swapped", "stale", "misdirected"][below(3)]!;
    const touched = new Set([to]);
    if (kind === "swapped") {
      const from = below(blocks);
      touched.add(from);
      const [a, b] = [bytes.slice(from * size, (from + 1) * size), bytes.slice(to * size, (to + 1) * size)];
      bytes.set(a.subarray(0, bytes.length - to * size), to * size);
      bytes.set(b.subarray(0, bytes.length - from * size), from * size);
    } else if (kind === "stale") {
      bytes.fill(0, to * size, (to + 1) * size); // As it was before anything was written.
    } else {
      const other = storage.bytesOf(segments[below(segments.length)]!);
      const from = below(Math.ceil(other.length / size));
      bytes.set(other.subarray(from * size, (from + 1) * size).subarray(0, bytes.length - to * size), to * size);
    }
    const spared = extents.filter(
      (each) =>
        each.path !== path || ![...touched].some((block) => block * size < each.to && (block + 1) * size > each.from),
    );
    const { problems, outcome } = await afterChange(sound, path, bytes, spared);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (trial % 10 === 0 && problems.length === 0) {
      const damaged = storage.afterKill();
      damaged.replace(path, bytes);
      problems.push(...(await repairAndJudge(sound, damaged, spared, end)).problems);
      repairs++;
    }
    if (problems.length > 0)
      return t.fail(`Dice ${dice}, ${kind} block ${to} of ${size} bytes of ${path}: ${problems.join("; ")}`);
  }
  t.log(withoutFailure(blockTrials, `blocks, ${repairs} of them repaired`), outcomes);
  t.true((outcomes["corrupt"] ?? 0) > 0);
});

test("a newest segment that another one was written over is named with all of its events, and a repair goes on behind them", async (t) => {
  const sound = await soundLog("killed", Array.from({ length: 12 }, () => batchesFrom(randomFrom(7), 3)).flat(), 6000);
  const newest = sound.segments.at(-1)!;
  const damaged = sound.storage.afterKill();
  damaged.replace(newest, sound.storage.bytesOf(sound.segments[0]!).slice());
  const spared = sound.extents.filter(({ path }) => path !== newest);
  const { problems, count } = await repairAndJudge(sound, damaged, spared, "killed");

  t.deepEqual(problems, []);
  t.is(count, spared.at(-1)!.nextId);
});

test("a batch that is exchanged for another one of the same place is noticed by the chain", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  await append(log.partition, [{ text: "first" }]);
  await log.close();
  const other = storage.copy();
  for (const [each, texts] of [
    [storage, ["one", "next"]],
    [other, ["two"]],
  ] as const) {
    const again = await openLog(each);
    for (const text of texts) await append(again.partition, [{ text }]);
    await again.close();
  }
  const path = storage.paths().find((each) => each.endsWith(".seg"))!;
  const [bytes, exchanged] = [storage.bytesOf(path).slice(), other.bytesOf(path)];
  const from = Buffer.from(exchanged).lastIndexOf("SLBT");
  bytes.set(exchanged.subarray(from), from);
  storage.replace(path, bytes);
  const damaged = await openLog(storage);

  t.is(damaged.report.outcome, "corrupt");
  await damaged.close();
});

test("a damaged record of cursors costs no more than what it said", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  for (let i = 0; i < 6; i++) await append(log.partition, [{ text: `event ${i}` }]);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  for (const position of [1, 2, 3, 4]) await answerOf(lease!.acknowledge(position));
  await log.close();
  const path = storage.paths().find((each) => each.endsWith("cursors"))!;
  const bytes = storage.bytesOf(path);
  const records = Buffer.from(bytes);
  const last = records.lastIndexOf("SLCR");
  const used = records.indexOf(0, records.lastIndexOf("]"));
  for (let bit = 0; bit < used * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >>> 3]! ^= 1 << (bit & 7);
    const damaged = storage.afterKill();
    damaged.replace(path, changed);
    const again = await openLog(damaged);
    const [position] = await answerOf(again.topic.cursors("app"));
    if (position !== (bit >>> 3 < last ? 4 : 3)) t.fail(`Bit ${bit}: the cursor is at ${position}`);
    await again.close();
  }
  t.true(used > 4 * 16);
});

test("a batch whose data alone is damaged, and a damaged one behind it, do not hide the next", async (t) => {
  const batches = ["a", "b", "c", "d"].map((text) => [{ text, data: someBytes(1000) }]);
  for (const end of ends) {
    const sound = await soundLog(end, batches);
    const [, b, c, d] = sound.extents;
    const bytes = sound.storage.bytesOf(b!.path).slice();
    bytes[b!.to - 100]! ^= 1;
    bytes[c!.from + 20]! ^= 1;
    const { problems, count } = await afterChange(sound, b!.path, bytes, [sound.extents[0]!, d!]);
    t.deepEqual(problems, []);
    t.is(count, 2);
  }
});

test("a batch behind a lost header and a lost batch stays", async (t) => {
  const batches = [[{ text: "a", data: someBytes(3000) }], [{ text: "b", data: someBytes(4000) }], [{ text: "c" }]];
  for (const end of ends) {
    const sound = await soundLog(end, batches, 5000);
    const [a, b, c] = sound.extents;
    t.true(a!.path !== b!.path && b!.path === c!.path);
    const bytes = sound.storage.bytesOf(b!.path).slice().fill(0, 0, b!.to);
    const { problems, count, outcome } = await afterChange(sound, b!.path, bytes, [a!, c!]);
    t.deepEqual([problems, count, outcome], [[], 2, "corrupt"]);
  }
});
