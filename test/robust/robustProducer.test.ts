import test from "ava";
import { concat, from, of, throwError } from "rxjs";
import { deadLetterTo, type DeadLetterMetadata, type Outcome } from "../../operators/index.ts";
import { isSluiceError, SluiceError, type RobustProducer } from "../../src/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { FaultPlan, withFaults } from "../../src/testing/index.ts";
import { statusWhere, upTo, worldOf, type Numbered } from "./support.ts";

const code = (error: unknown) => isSluiceError(error) && error.code;
const codeOf = async (promise: PromiseLike<unknown>) => promise.then(() => "none", code);
const pushAll = (producer: RobustProducer<Numbered>, count: number, start = 0) =>
  upTo(count, start).map((n) => producer.push({ n }));

test("a push gives two futures: its place in the journal, and the id that the backend gave", async (t) => {
  const { topic, open } = await worldOf();
  await topic.producer().push({ n: -1 });
  const producer = await open();
  const { accepted, delivered } = producer.push({ n: 1 }, Uint8Array.of(1, 2));
  t.is(await accepted, 0);
  t.is(await delivered, 1);
  t.deepEqual(await producer.close(), { left: 0 });
});

test("events are accepted through an outage, and stored in their order when it is over", async (t) => {
  const { faults, open, stored } = await worldOf();
  const heal = faults.append.fail(new Error("connection refused"));
  const producer = await open();
  const pushed = pushAll(producer, 500);
  await producer.flush();
  const waiting = await statusWhere(producer, ({ state }) => state === "waiting");
  t.is(waiting.queued + waiting.inFlight, 500);
  t.true(waiting.bytes > 0);
  t.regex(String(waiting.error), /connection refused/);
  t.false(pushed[0]!.delivered.completed);
  heal();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(500)]);
  t.is(await pushed[499]!.delivered, 499);
  await producer.close();
});

test("what is left at the deadline is counted, stays in the journal, and is stored by the next producer", async (t) => {
  const { faults, open, stored } = await worldOf({ partitions: 3 });
  const heal = faults.append.fail();
  const first = await open();
  pushAll(first, 30);
  const open_ = first.push({ n: 30 }).delivered;
  await first.flush();
  t.deepEqual(await first.close({ deadline: 20 }), { left: 31 });
  t.is(await codeOf(open_), "ERR_CLOSED");
  heal();
  const second = await open();
  const outcomes: Outcome[] = [];
  second.outcomes.subscribe((outcome) => outcomes.push(outcome));
  pushAll(second, 3, 31);
  await second.flush();
  t.deepEqual(await second.close(), { left: 0 });
  t.deepEqual(
    (await stored()).flat().sort((a, b) => a - b),
    upTo(34),
  );
  t.true(outcomes.every(({ kind }) => kind === "delivered"));
});

test("a batch whose answer was lost is stored once, and nothing overtakes it", async (t) => {
  const { faults, open, stored } = await worldOf();
  let calls = 0;
  faults.append.loseAnswer(new Error("connection reset"), { when: () => ++calls % 2 === 1 });
  const producer = await open({ maxBatchEvents: 7 });
  pushAll(producer, 200);
  await producer.flush();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(200)]);
  t.true(faults.append.calls.length > 50);
  await producer.close();
});

test("a batch that was stored before the producer was closed is stored once", async (t) => {
  const { faults, open, stored } = await worldOf();
  faults.append.loseAnswer(new Error("connection reset"));
  const first = await open({ delivery: "manual" });
  pushAll(first, 20);
  await first.flush();
  first.start();
  await statusWhere(first, ({ state }) => state === "waiting");
  t.deepEqual(await first.close({ deadline: 0 }), { left: 20 });
  t.deepEqual(await stored(), [upTo(20)]);
  faults.append.heal();
  const second = await open();
  pushAll(second, 5, 20);
  await second.flush();
  await second.close();
  t.deepEqual(await stored(), [upTo(25)]);
});

test("start and stop work again and again in one process", async (t) => {
  const { open, stored } = await worldOf();
  const producer = await open({ delivery: "manual" });
  for (let round = 0; round < 5; round++) {
    pushAll(producer, 10, 10 * round);
    await producer.flush();
    t.is((await stored()).flat().length, 10 * round);
    producer.start();
    await producer.drain();
    await producer.stop();
  }
  t.deepEqual(await stored(), [upTo(50)]);
  await producer.close();
  t.throws(() => producer.start(), { message: /closed/ });
});

test("what becomes of events that were left is told to who subscribes when the producer is there", async (t) => {
  const { faults, open } = await worldOf();
  faults.append.fail();
  const first = await open();
  pushAll(first, 3);
  await first.flush();
  t.deepEqual(await first.close({ deadline: 0 }), { left: 3 });
  faults.heal();
  const second = await open();
  const positions: number[] = [];
  second.outcomes.subscribe(({ position }) => positions.push(position));
  t.deepEqual(await second.close(), { left: 0 });
  t.deepEqual(positions, [0, 1, 2]);
});

test("close() of a producer that is stopped waits for nothing", async (t) => {
  const { open } = await worldOf();
  const producer = await open({ delivery: "manual" });
  pushAll(producer, 3);
  t.deepEqual(await producer.close({ deadline: 1e9 }), { left: 3 });
  t.deepEqual(await producer.close(), { left: 3 });
});

test("a journal that is open is refused to a second producer of the process", async (t) => {
  const { open } = await worldOf();
  const producer = await open();
  t.is(await codeOf(open()), "ERR_LOCKED");
  await producer.close();
  await (await open()).close();
});

test("a journal of another topic is refused by name", async (t) => {
  const { driver, journal, open } = await worldOf();
  await (await open()).close();
  const other = await driver.createTopic("other");
  await t.throwsAsync(other.robustProducer({ journal }), { instanceOf: RangeError, message: /for topic "t"/ });
});

test("a poisonous event is found in its batch and put aside with its reason; the others are stored", async (t) => {
  const { driver, faults, open, stored } = await worldOf();
  const dead = await driver.createTopic<DeadLetterMetadata<Numbered>>("dead");
  const poisonous = [3, 17, 18, 40];
  const numbers = (batch: { metadata: Uint8Array }) =>
    [...new TextDecoder().decode(batch.metadata).matchAll(/\d+/g)].map(Number);
  faults.append.fail(new SluiceError("ERR_TOO_LARGE", "too large"), {
    when: ({ topic, batch }) => topic === "t" && numbers(batch).some((n) => poisonous.includes(n)),
  });
  const producer = await open({ delivery: "manual", deadLetter: deadLetterTo(dead) });
  const outcomes: Outcome[] = [];
  producer.outcomes.subscribe((outcome) => outcomes.push(outcome));
  const pushed = upTo(41).map((n) => producer.push({ n }, Uint8Array.of(n)));
  await producer.flush();
  const { delivered } = pushed[17]!;
  producer.start();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(41).filter((n) => !poisonous.includes(n))]);
  t.is(await codeOf(delivered), "ERR_TOO_LARGE");
  t.is(await codeOf(pushed[18]!.delivered), "ERR_TOO_LARGE");
  t.is(await pushed[4]!.delivered, 3);
  t.deepEqual(
    outcomes.flatMap((outcome) => (outcome.kind === "dead" ? [[outcome.position, code(outcome.error)]] : [])),
    poisonous.map((n) => [n, "ERR_TOO_LARGE"]),
  );
  const letters = [];
  for await (const { event, error } of producer.deadLetters())
    letters.push([
      event.metadata.n,
      event.id,
      [...(await event.fetchData()).toUint8Array()],
      (error as { code: string }).code,
    ]);
  t.deepEqual(
    letters,
    poisonous.map((n) => [n, n, [n], "ERR_TOO_LARGE"]),
  );
  t.is((await dead.describe()).partitions[0]!.end, 4);
  await producer.forgetDeadLetters();
  for await (const letter of producer.deadLetters()) t.fail(String(letter.error));
  await producer.close();
});

test("events behind one that was put aside keep their numbers over a restart", async (t) => {
  const { faults, open, stored } = await worldOf();
  faults.append.fail(new RangeError("cannot be stored"), {
    when: ({ batch }) => batch.producer !== undefined && new TextDecoder().decode(batch.metadata).includes('"n":2}'),
  });
  const first = await open();
  pushAll(first, 4);
  await first.flush();
  await first.drain();
  faults.append.loseAnswer(new Error("connection reset"), { when: ({ batch }) => batch.count > 0 });
  pushAll(first, 4, 4);
  await first.flush();
  await statusWhere(first, ({ state }) => state === "waiting");
  await first.close({ deadline: 0 });
  faults.heal();
  const second = await open();
  await second.drain();
  await second.close();
  t.deepEqual(await stored(), [[0, 1, 3, 4, 5, 6, 7]]);
});

test("an event that is stored in spite of its error is not put aside", async (t) => {
  const { faults, open, stored } = await worldOf();
  faults.append.loseAnswer(new SluiceError("ERR_TOO_LARGE", "too large"), { times: 1 });
  const producer = await open();
  const { accepted, delivered } = producer.push({ n: 0 });
  await accepted;
  t.is(await delivered, -1);
  pushAll(producer, 2, 1);
  await producer.flush();
  await producer.drain();
  t.deepEqual(await stored(), [[0, 1, 2]]);
  await producer.close();
});

test("a dead-letter place that fails is tried again, and the event is put aside once", async (t) => {
  const { faults, open } = await worldOf();
  faults.append.fail(new TypeError("no"), { when: ({ topic }) => topic === "t" });
  let tries = 0;
  const producer = await open({
    deadLetter: async () => {
      if (++tries < 3) throw new Error("the place is closed");
    },
  });
  producer.push({ n: 1 });
  await producer.flush();
  await producer.drain();
  let letters = 0;
  for await (const _ of producer.deadLetters()) letters++;
  t.deepEqual([tries, letters], [3, 1]);
  await producer.close();
});

test("a sealed topic halts the delivery, loses nothing, and start() tries again", async (t) => {
  const { faults, open, stored } = await worldOf();
  faults.append.fail(new SluiceError("ERR_TOPIC_SEALED", "sealed"), { times: 1 });
  const producer = await open();
  pushAll(producer, 5);
  await producer.flush();
  const { error } = await statusWhere(producer, ({ state }) => state === "halted");
  t.is(code(error), "ERR_TOPIC_SEALED");
  t.is((await stored()).flat().length, 0);
  producer.start();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(5)]);
  await producer.close();
});

test("what a failure means can be said by a function", async (t) => {
  const { faults, open } = await worldOf();
  faults.append.fail(new Error("code 42"), { when: ({ topic }) => topic === "t" });
  const producer = await open({ classify: (error) => (String(error).includes("42") ? "dead" : undefined) });
  await t.throwsAsync(Promise.resolve(producer.push({ n: 1 }).delivered), { message: "code 42" });
  await producer.close();
});

test("a call that is never answered is made again after deliveryTimeout", async (t) => {
  const { faults, open, stored } = await worldOf();
  faults.append.hang({ times: 2 });
  const producer = await open({ deliveryTimeout: 5 });
  pushAll(producer, 3);
  await producer.flush();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(3)]);
  await producer.close();
});

test("a backend that has lost what it had is given the rest under a new identity, with a warning", async (t) => {
  const journal = memoryBackend();
  const before = await worldOf({}, { journal });
  const producer = await before.open();
  pushAll(producer, 10);
  await producer.flush();
  await producer.drain();
  before.faults.append.fail();
  pushAll(producer, 5, 10);
  await producer.flush();
  t.deepEqual(await producer.close({ deadline: 1 }), { left: 5 });
  const after = await worldOf({}, { journal });
  const next = await after.open({ delivery: "manual" });
  const warnings: unknown[] = [];
  next.warnings.subscribe((warning) => warnings.push(code(warning)));
  next.start();
  await next.drain();
  t.deepEqual(await after.stored(), [upTo(5, 10)]);
  t.deepEqual(warnings, ["ERR_OUT_OF_SEQUENCE"]);
  await next.close();
});

test("a full journal holds events back until there is room, and memory with them", async (t) => {
  const { faults, open, stored } = await worldOf();
  const heal = faults.append.fail();
  const producer = await open({ maxBacklogBytes: 500, maxBatchEvents: 2, maxBatches: 2 });
  const pushed = pushAll(producer, 50);
  await statusWhere(producer, ({ state, bytes }) => state === "waiting" && bytes > 400);
  t.true(pushed.filter(({ accepted }) => accepted.completed).length < 20);
  t.false(producer.isReady);
  heal();
  await producer.flush();
  await producer.drain();
  t.deepEqual(await stored(), [upTo(50)]);
  await producer.close();
});

test("a full journal refuses events where that was chosen", async (t) => {
  const { faults, open } = await worldOf();
  faults.append.fail();
  const producer = await open({ maxBacklogBytes: 300, full: "refuse", maxBatchEvents: 1 });
  const pushed = pushAll(producer, 20);
  const codes = await Promise.all(pushed.map(({ accepted }) => codeOf(accepted)));
  t.is(codes[0], "none");
  t.is(codes.at(-1), "ERR_OVERFLOW");
  t.is(await codeOf(producer.flush()), "ERR_OVERFLOW");
  await producer.close({ deadline: 0 });
});

test("an event that the validator refuses reaches its futures, the errors and the flush, and never the journal", async (t) => {
  const validator = ({ n }: Numbered) => {
    if (n < 0) throw new Error("negative");
  };
  const { open, stored } = await worldOf({ validator });
  const producer = await open();
  const errors: unknown[] = [];
  producer.errors.subscribe(({ error }) => errors.push(code(error)));
  const { accepted, delivered } = producer.push({ n: -1 });
  producer.push({ n: 1 });
  t.is(await codeOf(producer.flush()), "ERR_INVALID_METADATA");
  t.is(await codeOf(accepted), "ERR_INVALID_METADATA");
  t.is(await codeOf(delivered), "ERR_INVALID_METADATA");
  t.deepEqual(errors, ["ERR_INVALID_METADATA"]);
  await producer.close();
  t.deepEqual(await stored(), [[1]]);
});

test("it is an Observer, and tells its source's error when it is closed", async (t) => {
  const { open, stored } = await worldOf();
  const producer = await open();
  const failure = new Error("the instrument is gone");
  concat(
    from(upTo(3).map((n) => ({ metadata: { n } }))),
    throwError(() => failure),
  ).subscribe(producer);
  t.is(await t.throwsAsync(() => producer.close()), failure);
  t.deepEqual(await stored(), [upTo(3)]);
  const second = await open();
  of({ metadata: { n: 3 } }).subscribe(second);
  await second.close();
  t.deepEqual(await stored(), [upTo(4)]);
});

test("close() tells of an event that the journal did not take and that nobody has looked at", async (t) => {
  const { open } = await worldOf({
    validator: () => {
      throw new Error("never");
    },
  });
  const producer = await open();
  producer.push({ n: 1 });
  t.is(await codeOf(producer.close()), "ERR_INVALID_METADATA");
});

test("partitions that are added to the topic are added to the journal", async (t) => {
  const { topic, open, stored } = await worldOf({ partitionSelector: ({ n }, partitions) => n % partitions.length });
  const producer = await open();
  producer.push({ n: 0 });
  await producer.flush();
  await topic.addPartitions(2);
  pushAll(producer, 5, 1);
  await producer.flush();
  await producer.drain();
  await producer.close();
  t.deepEqual(await stored(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  const next = await open();
  pushAll(next, 3, 6);
  await next.flush();
  await next.close();
  t.deepEqual(await stored(), [
    [0, 3, 6],
    [1, 4, 7],
    [2, 5, 8],
  ]);
});

test("await using closes it, and so does the driver", async (t) => {
  const { driver, open, stored } = await worldOf();
  {
    await using producer = await open();
    producer.push({ n: 0 });
  }
  t.deepEqual(await stored(), [[0]]);
  const producer = await open();
  const { accepted } = producer.push({ n: 1 });
  await driver.close();
  t.is(await accepted, 1);
  t.deepEqual(await producer.close(), { left: 0 });
});

test("a future that is asked for late says what became of the event", async (t) => {
  const { open } = await worldOf();
  const producer = await open({ maxBatchEvents: 1 });
  const pushed = pushAll(producer, 100);
  await producer.flush();
  await producer.drain();
  t.is(await pushed[99]!.delivered, 99);
  t.is(await pushed[0]!.delivered, -1);
  t.is(pushed[99]!.delivered, pushed[99]!.delivered);
  await producer.close();
});

test("the journal is written anew with what is left, and goes on as before", async (t) => {
  const { faults, journal, open, stored } = await worldOf({ partitions: 2, partitionSelector: ({ n }) => n % 2 });
  const producer = await open();
  const data = new Uint8Array(1000).fill(7);
  for (const n of upTo(200)) producer.push({ n }, data);
  await producer.flush();
  await producer.drain();
  const heal = faults.append.fail();
  pushAll(producer, 3, 200);
  await producer.flush();
  await statusWhere(producer, ({ state }) => state === "waiting");
  await producer.compact();
  const names: string[] = [];
  await new Promise<void>((resolve) =>
    from(journal.listTopics()).subscribe({ next: (all) => names.push(...all), complete: resolve }),
  );
  t.deepEqual(names, ["journal.1"]);
  pushAll(producer, 3, 203);
  await producer.flush();
  heal();
  await producer.drain();
  t.deepEqual(await producer.close(), { left: 0 });
  const next = await open();
  const { accepted } = next.push({ n: 206 });
  t.is(await accepted, 103);
  await next.close();
  const [even, odd] = await stored();
  t.deepEqual([even, odd], [upTo(207).filter((n) => n % 2 === 0), upTo(207).filter((n) => n % 2 === 1)]);
});

test("an event that was sent, although the journal had said that it could not take it, leaves its number to no other", async (t) => {
  const disk = new FaultPlan();
  const { faults, open, stored } = await worldOf({}, { journal: withFaults(memoryBackend(), disk) });
  const producer = await open({ retry: { initialDelay: 1e6, maxDelay: 1e6 } });
  for (const n of upTo(40)) producer.push({ n }, new Uint8Array(1000)); // Enough to be worth compacting.
  await producer.flush();
  await producer.drain();
  disk.append.loseAnswer(new Error("EIO"), { times: 1 });
  faults.append.loseAnswer(new Error("connection reset"), { times: 1 });
  await t.throwsAsync(async () => producer.push({ n: 40 }, new Uint8Array(100)).accepted);
  const { queued, inFlight } = await statusWhere(producer, ({ state }) => state === "waiting");
  t.deepEqual([queued, inFlight], [0, 1]);
  await producer.compact();
  await producer.push({ n: 41 }).accepted;
  await producer.drain();
  t.deepEqual(await stored(), [upTo(42)]);
  t.is((await statusWhere(producer, () => true)).bytes, 0);
  t.deepEqual(await producer.close(), { left: 0 });
});

test("events of a compacted topic get their keys, over a restart and with a serializer that takes its time", async (t) => {
  const serializer = {
    form: "text" as const,
    serialize: (value: Numbered) => JSON.stringify(value),
    deserialize: async (text: string) => JSON.parse(text) as Numbered,
  };
  const { faults, open, stored } = await worldOf({
    compaction: { key: "key", tombstone: "gone" },
    serializer,
  });
  const heal = faults.append.fail();
  const first = await open();
  const push = (producer: RobustProducer<Numbered>, n: number, more: object) => producer.push({ n, ...more }).accepted;
  for (const n of upTo(200)) void push(first, n, { key: `k${n % 3}` });
  await first.flush();
  t.deepEqual(await first.close({ deadline: 0 }).catch(code), { left: 200 });
  heal();
  const second = await open({ maxBatchEvents: 20 });
  await push(second, 200, { key: "k0", gone: true });
  await second.drain();
  await second.close();
  const [left = []] = await stored();
  t.true(left.length < 100, `${left.length} events of three keys`);
  t.deepEqual(left.slice(-3), [198, 199, 200]);
});

test("options are checked before anything happens", async (t) => {
  const { open } = await worldOf();
  const wrong: [object, RegExp][] = [
    [{ journal: 7 }, /'journal'.*current value is 7/],
    [{ journal: "" }, /'journal'.*current value is ""/],
    [{ full: "drop" }, /'full'.*current value is "drop"/],
    [{ maxBacklogBytes: 0 }, /'maxBacklogBytes'.*current value is 0/],
    [{ restored: true }, /'restored'.*current value is true/],
    [{ durability: "memory" }, /'durability'.*current value is "memory"/],
    [{ name: "a/b" }, /name.*current value is "a\/b"/],
    [{ retry: { jitter: 2 } }, /'jitter'.*current value is 2/],
    [{ deliveryTimeout: 0 }, /'deliveryTimeout'.*current value is 0/],
    [{ classify: 1 }, /'classify'.*current value is 1/],
    [{ deadLetter: {} }, /'deadLetter'.*current value is \{\}/],
    [{ delivery: "later" }, /'delivery'.*current value is "later"/],
    [{ compactAfter: -1 }, /'compactAfter'.*current value is -1/],
    [{ batchSize: 0 }, /'batchSize'.*current value is 0/],
  ];
  for (const [options, message] of wrong) await t.throwsAsync(open(options), { message });
});
