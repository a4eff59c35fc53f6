import test from "ava";
import { from, map, of } from "rxjs";
import { selectPartition } from "../../operators/selectPartition.ts";
import type { PartitionSelector, SelectPartition } from "../../src/model/component.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { roundRobin } from "../../src/model/partitionSelectors/roundRobin.ts";
import { draftStepCases, type MakeStep } from "./draftStepCases.ts";
import { boom, draftOf } from "./helpers.ts";

const selector = <M>(select: SelectPartition<M>): PartitionSelector<M> => ({
  spec: { type: "x" },
  start: () => select,
});

const make: MakeStep = (work, options) =>
  selectPartition<string>(
    selector((metadata) => {
      const answer = work(metadata);
      return answer === undefined ? 0 : answer.then(() => 0);
    }),
    1,
    options,
  );

draftStepCases(test, "selectPartition()", make, "ERR_COMPONENT");

test("selectPartition() begins its state anew with each subscription", (t) => {
  const partitions = from(["a", "b", "c", "d"]).pipe(
    map((metadata) => draftOf(metadata)),
    selectPartition(roundRobin(), 3),
    map(({ partition }) => partition),
  );
  for (let i = 0; i < 2; i++) {
    const seen: number[] = [];
    partitions.subscribe((partition) => seen.push(partition));
    t.deepEqual(seen, [0, 1, 2, 0]);
  }
});

test("selectPartition() honours a requested partition", (t) => {
  of(draftOf("a", { requested: 2 }))
    .pipe(selectPartition(roundRobin(), 3))
    .subscribe(({ partition }) => t.is(partition, 2));
  t.plan(1);
});

test("selectPartition() shows the partitions as they are now", (t) => {
  const known = [{ partition: 0 }];
  const seen: number[] = [];
  const last = selector((_, partitions) => partitions.length - 1);
  from(["a", "b"])
    .pipe(
      map((metadata) => (metadata === "b" && known.push({ partition: 1 }), draftOf(metadata))),
      selectPartition(last, () => known),
    )
    .subscribe(({ partition }) => seen.push(partition));
  t.deepEqual(seen, [0, 1]);
});

for (const partition of [-1, 3, 0.5, NaN, "1" as unknown as number]) {
  test(`selectPartition() refuses ${JSON.stringify(partition)} of 3 with ERR_INVALID_PARTITION`, async (t) => {
    for (const answer of [partition, Promise.resolve(partition)]) {
      const result = of(draftOf("a")).pipe(
        selectPartition(
          selector(() => answer),
          3,
        ),
      );
      const error = await t.throwsAsync<SluiceError>(
        result.forEach(() => undefined),
        { message: /current value is/ },
      );
      t.is(error?.code, "ERR_INVALID_PARTITION");
    }
  });
}

test("selectPartition() refuses a requested partition that does not exist", (t) => {
  of(draftOf("a", { requested: 3 }))
    .pipe(selectPartition(roundRobin(), 3))
    .subscribe({
      error: (error: SluiceError) => t.is(error.code, "ERR_INVALID_PARTITION"),
    });
  t.plan(1);
});

test("selectPartition() fails when the selector or the list of partitions throws", (t) => {
  const starting = { spec: { type: "x" }, start: boom };
  of(draftOf("a"))
    .pipe(selectPartition(starting, 3))
    .subscribe({ error: (error: Error) => t.is(error.message, "boom") });
  of(draftOf("a"))
    .pipe(selectPartition(roundRobin(), boom))
    .subscribe({ error: (error: Error) => t.is(error.message, "boom") });
  t.plan(2);
});

for (const partitions of [0, -1, 1.5, NaN]) {
  test(`selectPartition() refuses ${partitions} partitions`, (t) => {
    t.throws(() => selectPartition(roundRobin(), partitions), { instanceOf: RangeError });
  });
}
