import test from "ava";
import {
  concat,
  from,
  lastValueFrom,
  map,
  NEVER,
  of,
  Subject,
  take,
  tap,
  throwError,
  toArray,
  type ObservableInput,
} from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { produceRobustly, type Outcome, type ProduceRobustlyOptions } from "../../operators/index.ts";
import { isSluiceError, type EventInput } from "../../src/index.ts";
import { atOnce, storedIn, upTo, worldOf, type Numbered } from "../robust/support.ts";

const inputs = (numbers: readonly number[]) => numbers.map((n): EventInput<Numbered> => ({ metadata: { n } }));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => isSluiceError(error) && error.code,
  );

async function setUp(topicOptions = {}) {
  const world = await worldOf(topicOptions);
  const robustly = (options: Partial<ProduceRobustlyOptions<Numbered>> = {}) =>
    produceRobustly(world.topic, { journal: world.journal, retry: atOnce, compactAfter: Infinity, ...options });
  const run = (source: ObservableInput<EventInput<Numbered>>, options?: Partial<ProduceRobustlyOptions<Numbered>>) =>
    lastValueFrom(robustly(options)(source).pipe(toArray()));
  return { ...world, robustly, run };
}

test("an empty source completes, one and several values are stored and told of", async (t) => {
  const { run, stored } = await setUp();
  t.deepEqual(await run(of()), []);
  t.like((await run(of(...inputs([0]))))[0], { kind: "delivered", topic: "t", partition: 0, position: 0, id: 0 });
  t.deepEqual(
    (await run(inputs([1, 2, 3]))).map((outcome) => outcome.kind === "delivered" && outcome.id),
    [1, 2, 3],
  );
  t.deepEqual(await stored(), [upTo(4)]);
});

test("a source that fails has what came before stored, and then its error told", async (t) => {
  const { run, stored } = await setUp();
  const failure = new Error("the instrument is gone");
  t.is(
    await t.throwsAsync(
      run(
        concat(
          from(inputs(upTo(5))),
          throwError(() => failure),
        ),
      ),
    ),
    failure,
  );
  t.is(await t.throwsAsync(run(throwError(() => failure))), failure);
  t.deepEqual(await stored(), [upTo(5)]);
});

test("an event that is not accepted ends the stream, is left out, or is handed over, as rejected says", async (t) => {
  const validator = ({ n }: Numbered) => {
    if (n === 1) throw new Error("unlucky");
  };
  const { run, stored } = await setUp({ validator });
  t.is((await run(inputs([0, 1, 2]), { rejected: "skip" })).length, 2);
  const refused: unknown[] = [];
  await run(inputs([3, 1, 4]), { rejected: { next: ({ metadata }) => refused.push(metadata) } });
  t.deepEqual(refused, [{ n: 1 }]);
  t.is(await codeOf(run(concat(from(inputs([5, 1])), NEVER))), "ERR_INVALID_METADATA");
  t.deepEqual(await stored(), [[0, 2, 3, 4, 5]]);
});

test("unsubscribing lets go of the source and leaves the rest in the journal for the next subscription", async (t) => {
  const { faults, robustly, run, stored } = await setUp();
  const heal = faults.append.fail();
  const source = new Subject<EventInput<Numbered>>();
  const operator = robustly();
  const subscription = operator(source).subscribe();
  while (!source.observed) await new Promise((resolve) => setImmediate(resolve));
  for (const input of inputs(upTo(4))) source.next(input);
  while (faults.append.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  subscription.unsubscribe();
  t.false(source.observed);
  heal();
  const outcomes = await lastValueFrom(operator(inputs([4])).pipe(toArray()));
  t.deepEqual(
    outcomes.map(({ position }) => position),
    upTo(5),
  );
  t.deepEqual(await run(of()), []);
  t.deepEqual(await stored(), [upTo(5)]);
});

test("an iterable is pulled no faster than the journal takes events", async (t) => {
  const { faults, robustly, stored } = await setUp();
  const heal = faults.append.fail();
  let pulled = 0;
  function* numbers() {
    while (pulled < 300) yield { metadata: { n: pulled++ } };
  }
  const running = lastValueFrom(robustly({ maxBacklogBytes: 500, maxBatchEvents: 5 })(numbers()).pipe(toArray()));
  while (faults.append.calls.length < 20) await new Promise((resolve) => setImmediate(resolve));
  t.true(pulled < 100, `${pulled} were pulled`);
  heal();
  t.is((await running).length, 300);
  t.deepEqual(await stored(), [upTo(300)]);
});

test("a subscriber that has enough ends it", async (t) => {
  const { robustly, run, stored } = await setUp();
  const outcomes = await lastValueFrom(robustly()(inputs(upTo(10))).pipe(take(3), toArray()));
  t.is(outcomes.length, 3);
  await run(of()).catch(() => undefined); // The journal is free again, at the latest when this one has had it.
  t.deepEqual((await stored()).flat().slice(0, 3), upTo(3));
});

test("two operators on one journal do not share it", async (t) => {
  const { robustly, run } = await setUp();
  const first = robustly()(NEVER).subscribe();
  t.is(await codeOf(run(of())), "ERR_LOCKED");
  first.unsubscribe();
});

test("it fails with ERR_CLOSED when the driver is closed while events are left, which stay in the journal", async (t) => {
  const { driver, faults, journal, robustly } = await setUp();
  faults.append.fail();
  const outcomes: Outcome[] = [];
  const ended = lastValueFrom(
    robustly()(concat(from(inputs(upTo(3))), NEVER)).pipe(
      tap((outcome) => outcomes.push(outcome)),
      toArray(),
    ),
  );
  while (faults.append.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const code = codeOf(ended);
  await driver.close({ deadline: 200 });
  t.is(await code, "ERR_CLOSED");
  const after = await worldOf({}, { journal });
  const producer = await after.open();
  await producer.drain();
  await producer.close();
  t.deepEqual(await storedIn(after.topic), [upTo(3)]);
});

test("wrong options are refused when the operator is made", async (t) => {
  const { topic } = await setUp();
  t.throws(() => produceRobustly(topic, { journal: 1 as never }), { instanceOf: TypeError, message: /'journal'/ });
  t.throws(() => produceRobustly(topic, { journal: memoryBackend(), rejected: "drop" as never }), {
    message: /'rejected'/,
  });
  t.throws(() => produceRobustly(topic, { journal: memoryBackend(), full: "drop" as never }), { message: /'full'/ });
});

test("an error of opening is told to the subscriber", async (t) => {
  const { driver, run, journal } = await setUp();
  await run(inputs([0]));
  const other = await driver.createTopic<Numbered>("other");
  const ended = lastValueFrom(produceRobustly(other, { journal })(inputs([1])).pipe(map(() => undefined)));
  await t.throwsAsync(ended, { instanceOf: RangeError, message: /for topic "t"/ });
});
