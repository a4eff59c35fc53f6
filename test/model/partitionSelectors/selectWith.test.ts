import test from "ava";
import { selectWith } from "../../../src/model/partitionSelectors/selectWith.ts";

const two = [{ partition: 0 }, { partition: 1 }];

test("selectWith() asks the function, which knows of the request", (t) => {
  const selector = selectWith<{ energy: number }>(
    ({ energy }, partitions, requested) => requested ?? energy % partitions.length,
  );

  t.is(selector.start()({ energy: 7 }, two, undefined), 1);
  t.is(selector.start()({ energy: 7 }, two, 0), 0);
  t.deepEqual(selector.spec, { type: "function" });
});

test("selectWith() refuses a partition that does not exist, requested or chosen", async (t) => {
  t.throws(() => selectWith(() => 0).start()({}, two, 2), { code: "ERR_INVALID_PARTITION" });
  t.throws(() => selectWith(() => 2).start()({}, two, undefined), { code: "ERR_INVALID_PARTITION" });
  const select = selectWith(async () => -1).start();
  await t.throwsAsync(async () => select({}, two, undefined), { code: "ERR_INVALID_PARTITION" });
});

test("selectWith() waits for an asynchronous function", async (t) => {
  t.is(await selectWith(async () => 1).start()({}, two, undefined), 1);
});

test("selectWith() wants a function", (t) => {
  t.throws(() => selectWith({} as never), { instanceOf: TypeError });
});
