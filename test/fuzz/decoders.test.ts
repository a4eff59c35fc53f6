import test from "ava";
import { isSluiceError } from "../../src/index.ts";
import { randomFrom } from "../log/simulatedStorage.ts";
import { seed, trials, withoutFailure } from "../log/trials.ts";
import { measure } from "./measure.ts";
import { mutate } from "./mutate.ts";
import { subjects, type Subject } from "./subjects.ts";

const inputs = Math.ceil(trials({ quick: 170_000, crash: 500_000, soak: 5_000_000 }) / subjects.length);
/** What a decoded value may hold beside what its bytes stand for: the names of a schema, say. */
const overhead = 1000;

for (const subject of subjects) {
  test(`${subject.name}: any bytes are read or refused, and become no more than they can hold`, (t) => {
    t.timeout(3_600_000);
    for (const sample of subject.samples) t.notThrows(() => subject.decode(sample.slice()));
    let read = 0;
    for (let i = 0; i < inputs; i++) {
      const dice = seed * 100_000_000 + i;
      const random = randomFrom(dice);
      const bytes = mutate(subject.samples, random);
      if (random() < 0.6) subject.seal?.(bytes);
      const { problem, isRead } = feed(subject, bytes);
      if (isRead) read++;
      if (problem !== undefined) return t.fail(`Dice ${dice}, ${Buffer.from(bytes).toString("hex")}: ${problem}`);
    }
    t.log(withoutFailure(inputs, `inputs, ${read} of them read`));
    t.true(read > 0);
  });
}

function feed({ decode, codes, growth }: Subject, bytes: Uint8Array): { problem?: string; isRead: boolean } {
  try {
    const value = decode(bytes);
    const size = measure(value);
    if (size > overhead + growth * bytes.length)
      return { problem: `${bytes.length} bytes became ${size}`, isRead: true };
    return { isRead: value !== undefined && value !== "invalid" };
  } catch (error) {
    if (isSluiceError(error) && codes.includes(error.code)) return { isRead: false };
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), isRead: false };
  }
}
