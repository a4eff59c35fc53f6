import test from "ava";
import { roundRobin } from "../../../src/model/partitionSelectors/roundRobin.ts";

const three = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];

test("roundRobin() takes one partition after the other", (t) => {
  const select = roundRobin().start();

  t.deepEqual(
    [1, 2, 3, 4].map(() => select({}, three, undefined)),
    [0, 1, 2, 0],
  );
  t.deepEqual(roundRobin().spec, { type: "round-robin" });
});

test("roundRobin() keeps a turn for each producer", (t) => {
  const selector = roundRobin();
  const one = selector.start();
  one({}, three, undefined);

  t.is(selector.start()({}, three, undefined), 0);
  t.is(one({}, three, undefined), 1);
});

test("roundRobin() honours a requested partition and keeps the turn", (t) => {
  const select = roundRobin().start();

  t.is(select({}, three, 2), 2);
  t.is(select({}, three, undefined), 0);
  t.throws(() => select({}, three, 3), { code: "ERR_INVALID_PARTITION" });
});

test("roundRobin() goes on when the topic gains partitions", (t) => {
  const select = roundRobin().start();
  const one = [{ partition: 0 }];

  t.is(select({}, one, undefined), 0);
  t.is(select({}, three, undefined), 1);
  t.is(select({}, three, undefined), 2);
  t.is(select({}, one, undefined), 0);
});

test("roundRobin() cannot choose from nothing", (t) => {
  t.throws(() => roundRobin().start()({}, [], undefined), { code: "ERR_INVALID_PARTITION", message: /no partition/ });
});
