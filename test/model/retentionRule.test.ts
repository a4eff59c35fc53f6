import test from "ava";
import { retentionRule } from "../../src/model/retentionRule.ts";

const nobody = () => undefined;

test("retentionRule() drops what is above the bytes to keep", (t) => {
  const mayDrop = retentionRule({ maxBytes: 100 }, 0, nobody);
  t.deepEqual([mayDrop({ next: 1, newest: 0 }, 100), mayDrop({ next: 1, newest: 0 }, 101)], [false, true]);
});

test("retentionRule() drops what is older than the age to keep", (t) => {
  const mayDrop = retentionRule({ maxAge: 50 }, 1000, nobody);
  t.deepEqual([mayDrop({ next: 1, newest: 950 }, 1), mayDrop({ next: 1, newest: 949 }, 1)], [false, true]);
});

test("retentionRule() drops what every named consumer has acknowledged", (t) => {
  const positions: Record<string, number> = { app1: 10, app2: 5 };
  const mayDrop = retentionRule({ acknowledgedBy: ["app1", "app2"] }, 0, (consumer) => positions[consumer]);
  t.deepEqual([mayDrop({ next: 5, newest: 0 }, 1), mayDrop({ next: 6, newest: 0 }, 1)], [true, false]);
});

test("retentionRule() keeps everything while a named consumer has acknowledged nothing, or nothing is named", (t) => {
  t.false(retentionRule({ acknowledgedBy: ["app1"] }, 0, nobody)({ next: 1, newest: 0 }, 1));
  t.false(retentionRule({}, 0, nobody)({ next: 1, newest: 0 }, 1));
});
