import test from "ava";
import { RateLimit } from "../../backends/service/server/rateLimit.ts";

/** A limit of 1000 bytes a second, and a clock that is moved by hand. */
function limited() {
  const clock = { ms: 0 };
  return { clock, limit: new RateLimit(1000, () => clock.ms) };
}

test("a source may send the bytes of one second at once, and waits for as long as it was too fast", (t) => {
  const { clock, limit } = limited();
  t.is(limit.take("ann", 1000), 0);
  t.is(limit.take("ann", 1), 1);
  t.is(limit.take("ann", 499), 500);
  clock.ms += 500;
  t.is(limit.take("ann", 0), 0);
  t.is(limit.take("ann", 100), 100);
});

test("one message may be larger than the limit, and is paid for later", (t) => {
  const { clock, limit } = limited();
  t.is(limit.take("ann", 5000), 4000);
  clock.ms += 3999;
  t.is(limit.take("ann", 0), 1);
});

test("no more than one second is saved up, and each source has its own", (t) => {
  const { clock, limit } = limited();
  t.is(limit.take("ann", 1000), 0);
  clock.ms += 60_000;
  t.is(limit.take("ann", 1001), 1);
  t.is(limit.take("ben", 1000), 0);
});

test("sources that are remembered are forgotten when they may send as much as newcomers", (t) => {
  const { clock, limit } = limited();
  t.is(limit.take("debtor", 61_000), 60_000);
  for (let n = 0; n < 10_000; n++) limit.take(`guest ${n}`, 1);
  clock.ms += 10_000;
  for (let n = 0; n < 10_000; n++) limit.take(`other ${n}`, 1);
  t.is(limit.take("debtor", 0), 50_000);
});

test("without a limit nothing is counted", (t) => {
  t.is(new RateLimit(Number.MAX_SAFE_INTEGER).take("ann", Number.MAX_SAFE_INTEGER), 0);
});
