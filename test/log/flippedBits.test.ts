import test from "ava";
import { afterChange, soundLog, type SoundLog } from "./damage/soundLog.ts";
import { someBytes } from "./support.ts";
import { seed, trials, withoutFailure } from "./trials.ts";

/** Of all bits, each of how many is flipped. */
const bitStep = trials({ quick: 199, crash: 47, soak: 1 });

test(`every ${bitStep === 1 ? "" : `${bitStep}th `}bit of a log of 64 KiB flipped: nothing is altered, undamaged batches stay, and the damage is named`, async (t) => {
  t.timeout(8 * 3_600_000);
  const batches = Array.from({ length: 48 }, (_, i) => [
    { text: `event ${i} ${"x".repeat((i * 75) % 400)}`, data: someBytes((i * 203) % 2000, i) },
    { text: `more ${i}` },
  ]);
  const sound = await soundLog("closed", batches, 8 << 10);
  const size = sound.segments.reduce((sum, path) => sum + sound.storage.bytesOf(path).length, 0);
  t.true(size >= 64 << 10, `${size}`);
  const outcomes: Record<string, number> = {};
  let [count, bit] = [0, (seed - 1) % bitStep]; // So that as many seeds as are left out between two flip all of them.
  for (const path of sound.segments) {
    const bytes = sound.storage.bytesOf(path);
    for (; bit < bytes.length * 8; bit += bitStep) {
      const changed = bytes.slice();
      changed[bit >>> 3]! ^= 1 << (bit & 7);
      // The segment is read with the beginning of the next one, and the whole log once in eight times.
      const part = count % 8 === 0 ? everything : around(sound, path);
      const spared = sound.extents.filter(
        (each) =>
          each.firstId >= part.from &&
          each.nextId <= part.to &&
          (each.path !== path || bit >>> 3 < each.from || bit >>> 3 >= each.to),
      );
      const { problems, outcome, isNamed, count: read } = await afterChange(sound, path, changed, spared, part);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      const isWhole = read >= Math.min(part.to, sound.events.length) - part.from;
      if (!isWhole && !isNamed) problems.push(`${read} events, and nobody was told`);
      count++;
      if (problems.length > 0) return t.fail(`Bit ${bit} of ${path}: ${problems.join("; ")}`);
    }
    bit -= bytes.length * 8;
  }
  t.log(withoutFailure(count, "flipped bits"), outcomes);
  t.true((count + 1) * bitStep >= 8 * (64 << 10));
});

const everything = { from: 0, to: Infinity };

/** The ids in a segment and in the first batch behind it. */
function around({ extents }: SoundLog, path: string): { readonly from: number; readonly to: number } {
  const [first, last] = [
    extents.findIndex((each) => each.path === path),
    extents.findLastIndex((each) => each.path === path),
  ];
  return { from: extents[first]!.firstId, to: (extents[last + 1] ?? extents[last]!).nextId };
}
