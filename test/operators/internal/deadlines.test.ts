import test from "ava";
import { TestScheduler } from "rxjs/testing";
import { Deadlines } from "../../../operators/internal/deadlines.ts";

/** What has become of two answers that never come, once so much virtual time has passed. */
async function outcomes(before: (deadlines: Deadlines) => void, frames: number): Promise<string[]> {
  const told: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.maxFrames = frames;
  scheduler.run(({ flush }) => {
    const deadlines = new Deadlines(10);
    for (const what of ["selector", "allocator"]) {
      deadlines.within(what, new Promise<never>(() => {})).then(undefined, (error: Error) => told.push(error.message));
    }
    before(deadlines);
    flush();
  });
  await new Promise((resolve) => setImmediate(resolve)); // The promises have had their turn by then.
  return told;
}

test("within() fails what takes too long, and says what it was", async (t) => {
  const told = await outcomes(() => {}, 10_000);
  t.deepEqual(told, ["The selector took longer than 10 ms", "The allocator took longer than 10 ms"]);
});

test("stop() lets go of every time that is running", async (t) => {
  t.deepEqual(await outcomes((deadlines) => deadlines.stop(), 10_000), []);
});

test("within() leaves an answer as it is where there is no time-out", (t) => {
  const answer = Promise.resolve(1);
  t.is(new Deadlines(Infinity).within("selector", answer), answer);
});
