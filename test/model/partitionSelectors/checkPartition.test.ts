import test from "ava";
import { SluiceError } from "../../../src/model/errors.ts";
import { checkPartition } from "../../../src/model/partitionSelectors/checkPartition.ts";

const partitions = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];

test("checkPartition() hands back a partition that exists", (t) => {
  t.is(checkPartition(2, partitions), 2);
  t.is(checkPartition(7, [{ partition: 7 }, { partition: 0 }]), 7);
});

for (const partition of [3, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
  test(`checkPartition() refuses ${typeof partition} ${partition}, and wraps nothing round`, (t) => {
    const error = t.throws(() => checkPartition(partition as number, partitions), { instanceOf: SluiceError });

    t.is(error.code, "ERR_INVALID_PARTITION");
    t.deepEqual(error.details, { partition, partitions: 3 });
    t.regex(error.message, /does not exist: the topic has 3 partitions$/);
  });
}
