import test from "ava";
import { Liveness } from "../../backends/kafka/group/liveness.ts";

/** A member whose group gives it up after 1000 ms, and its clock. */
function member(): { readonly liveness: Liveness; readonly clock: { now: number } } {
  const clock = { now: 0 };
  return { liveness: new Liveness(1000, () => clock.now), clock };
}

test("a member that is heard, and whose clock ticks, is not in doubt", (t) => {
  const { liveness, clock } = member();
  for (clock.now = 0; clock.now < 5000; clock.now += 500) {
    t.false(liveness.isInDoubt);
    liveness.heard(clock.now);
    liveness.tick();
  }
});

test("a member that nobody has heard for a session is in doubt, though its clock ticks", (t) => {
  const { liveness, clock } = member();
  clock.now = 1001;
  liveness.tick();

  t.true(liveness.isInDoubt);
  liveness.heard(1001);
  t.false(liveness.isInDoubt);
});

test("what counts is when a heartbeat was sent, not when it was answered", (t) => {
  const { liveness, clock } = member();
  clock.now = 1500;
  liveness.heard(400);
  liveness.tick();

  t.true(liveness.isInDoubt);
});

test("a member that has slept is in doubt until its clock has ticked", (t) => {
  const { liveness, clock } = member();
  clock.now = 60_000;
  liveness.heard(60_000);

  t.true(liveness.isInDoubt);
  liveness.tick();
  t.false(liveness.isInDoubt);
});

test("who waits for the others to join is not given up meanwhile, unless it sleeps", async (t) => {
  const { liveness, clock } = member();
  let resolve = () => {};
  const waiting = liveness.excuse(new Promise<void>((done) => (resolve = done)));
  clock.now = 5000;
  t.true(liveness.isInDoubt);
  liveness.tick();
  t.false(liveness.isInDoubt);
  resolve();
  await waiting;

  t.false(liveness.isUnheard);
});
