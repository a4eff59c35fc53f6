import { firstValueFrom, from, take } from "rxjs";
import { consume, processExactlyOnce, type DeadLetterMetadata } from "../../operators/index.ts";
import { connect, type Lease, type StreamEvent, type Topic, type TransactionAppend } from "../../src/index.ts";
import { ok, rejects, same } from "./assert.ts";
import { idsOf } from "./ids.ts";
import { batchOf, collect, numbersOf, someBytes, upTo, type Numbered, type Suite, type World } from "./world.ts";

/** §35: events are consumed and others produced in one step, or not at all. @internal */
export function exactlyOnce({ test, can }: Suite): void {
  if (can.exactlyOnce !== true) {
    test("§35 processExactlyOnce() is refused with ERR_UNSUPPORTED", async (world) => {
      const [source, target] = await topics(world, 1);
      await world.store(source.producer(), 1);
      const processed = consume(source, "app").pipe(processExactlyOnce(target, ({ metadata }) => ({ metadata })));

      await rejects(world.within("the refusal", processed), "ERR_UNSUPPORTED", "Processing exactly once");
      same(await world.read(target), [], "What was produced");
    });
    return;
  }

  test("§35 a transaction stores batches of several topics and the position, and answers with their ids", async (world) => {
    const [source, first] = await topics(world, 2);
    const second = await json(world, 1);
    const ids = await world.store(source.producer(), 4, 0, 0);
    await world.store(first.producer(), 1, 100, 1);
    const { lease, leave } = await member(world, source);
    const position = ids[2]! + 1;
    const appends = [into(first, 1, [1, 2]), into(second, 0, [3]), into(first, 0, [4])];
    const appended = await world.within("the transaction", from(lease.transact!(position, appends)));

    same(appended.length, 3, "The answers");
    const stored = await world.read(first);
    same(
      placesOf(stored),
      [
        [0, 4],
        [1, 1],
        [1, 2],
        [1, 100],
      ],
      "The events of the first topic",
    );
    same(numbersOf(await world.read(second)), [3], "The events of the second topic");
    same(idsOf(appended[0]!, 2), idsIn(stored, [1, 2]), "The ids of the first batch");
    same(idsOf(appended[2]!, 1), idsIn(stored, [4]), "The ids of the last batch");
    same((await positions(source, "app"))[0], position, "The position");
    leave();
  });

  test("§35 a transaction of a lost partition is refused with ERR_FENCED, and nothing of it is stored", async (world) => {
    const [source, target] = await topics(world, 2);
    const ids = await world.store(source.producer(), 2, 0, 0);
    const { lease: late, leave } = await member(world, source);
    leave();
    const next = collect(source.consumer("app"));
    await world.until("the next owner reads", () => next.values.length === 2);

    const refused = from(late.transact!(ids[1]! + 1, [into(target, 0, [1])]));
    await rejects(world.within("the refusal", refused), "ERR_FENCED", "The transaction");
    next.stop();
    same(await world.read(target), [], "What was stored");
    same((await positions(source, "app"))[0], undefined, "The position");
  });

  test("§35 two batches for one partition are refused with a RangeError, and nothing of them is stored", async (world) => {
    const [source, target] = await topics(world, 1);
    const ids = await world.store(source.producer(), 1);
    const { lease, leave } = await member(world, source);
    const twice = from(lease.transact!(ids[0]! + 1, [into(target, 0, [1]), into(target, 0, [2])]));
    await rejects(world.within("the refusal", twice), RangeError, "The transaction");
    same(await world.read(target), [], "What was stored");
    same((await positions(source, "app"))[0], undefined, "The position");
    leave();
  });

  test("§35 a position is committed once", async (world) => {
    const [source, target] = await topics(world, 1);
    const ids = await world.store(source.producer(), 3);
    const { lease, leave } = await member(world, source);
    const commit = (position: number, n: number) => from(lease.transact!(position, [into(target, 0, [n])]));
    await world.within("the transaction", commit(ids[1]! + 1, 1));
    for (const position of [ids[1]! + 1, ids[0]! + 1])
      await rejects(world.within("the refusal", commit(position, 2)), "ERR_ALREADY_ACKNOWLEDGED", "The second one");

    await world.within("the next transaction", commit(ids[2]! + 1, 3));
    same(numbersOf(await world.read(target)), [1, 3], "What was stored");
    leave();
  });

  test("§35 a position may count what is the caller's own: what comes out of a journal is stored with how far it has come", async (world) => {
    const target = await json(world, 1);
    const first = await member(world, target, "journal");
    same(first.lease.position, undefined, "The position at the beginning");
    const send = ({ lease }: { readonly lease: Lease }, position: number, numbers: readonly number[]) =>
      from(lease.transact!(position, [into(target, 0, numbers)]));
    await world.within("the transaction", send(first, 1_000_000, [1, 2]));
    first.leave();

    // Whoever comes back after a crash is told where to go on; what is sent again all the same is refused.
    const next = await member(world, target, "journal");
    same(next.lease.position, 1_000_000, "The position that was stored");
    await rejects(
      world.within("the refusal", send(next, 1_000_000, [1, 2])),
      "ERR_ALREADY_ACKNOWLEDGED",
      "A repetition",
    );
    await world.within("the next transaction", send(next, 1_000_064, [3]));
    same(numbersOf(await world.read(target)), [1, 2, 3], "What was stored");
    same((await positions(target, "journal"))[0], 1_000_064, "The position at the end");
    next.leave();
  });

  if (can.seal) {
    test("§35 nothing is stored where one of the topics takes no more events", async (world) => {
      const [source, target] = await topics(world, 1);
      const sealed = await json(world, 1);
      const ids = await world.store(source.producer(), 1);
      await world.within("the seal", sealed.seal());
      const { lease, leave } = await member(world, source);
      const refused = from(lease.transact!(ids[0]! + 1, [into(target, 0, [1]), into(sealed, 0, [2])]));
      await rejects(world.within("the refusal", refused), "ERR_TOPIC_SEALED", "The transaction");
      same(await world.read(target), [], "What was stored");
      same((await positions(source, "app"))[0], undefined, "The position");
      await world.within("what can be stored", from(lease.transact!(ids[0]! + 1, [into(target, 0, [3])])));
      same(numbersOf(await world.read(target)), [3], "What was stored then");
      leave();
    });
  }

  test("§35 a topic of another store is refused with ERR_UNSUPPORTED", async (world) => {
    const [source] = await topics(world, 1);
    const elsewhere = await connect("memory:");
    const target = await elsewhere.createTopic<Numbered>("elsewhere");
    await world.store(source.producer(), 1);
    const processed = consume(source, "app").pipe(processExactlyOnce(target, ({ metadata }) => ({ metadata })));

    await rejects(world.within("the refusal", processed), "ERR_UNSUPPORTED", "A transaction over two stores");
    same((await positions(source, "app"))[0], undefined, "The position");
    await elsewhere.close();
  });

  test("§35 processExactlyOnce() stores every output once, wherever its subscriptions end", async (world) => {
    const [source, target] = await topics(world, 2);
    await world.store(source.producer(), 60);
    const twice = ({ metadata: { n } }: StreamEvent<Numbered>) =>
      n % 3 === 0 ? undefined : [{ metadata: { n } }, { metadata: { n: n + 1000 } }];
    for (let round = 0; round < 4; round++) {
      const processed = consume(source, "app").pipe(processExactlyOnce(target, twice, { batchSize: 5 }), take(2));
      await world.all(processed, "two transactions");
    }
    const rest = consume(source, "app", { until: "end" }).pipe(processExactlyOnce(target, twice, { batchSize: 7 }));
    await world.all(rest, "the rest");

    const expected = upTo(60).filter((n) => n % 3 !== 0);
    same(sorted(numbersOf(await world.read(target))), [...expected, ...expected.map((n) => n + 1000)], "The outputs");
    same((await source.lag("app")).total, 0, "What was not consumed");
  });

  test("§35 processExactlyOnce() stores the data of outputs, also large ones", async (world) => {
    const [source, target] = await topics(world, 1);
    const sizes = [0, 10, 300_000];
    const producer = source.producer();
    const pushed = sizes.map((size, n) => producer.push({ n }, someBytes(size, n)));
    await world.within("the events", Promise.all(pushed));
    const all = { dataSelector: (_: Numbered, descriptor: StreamEvent["descriptor"]) => descriptor };
    const copied = consume(source, "app", { until: "end", ...all }).pipe(
      processExactlyOnce(target, ({ metadata, data }) => ({ metadata, data })),
    );
    await world.all(copied, "the copies");

    const copies = await world.read(target, all);
    same(
      copies.map(({ data }) => data.size),
      sizes,
      "The sizes",
    );
    for (const { data, metadata } of copies)
      same(data.toUint8Array(), someBytes(sizes[metadata.n]!, metadata.n), `The data of event ${metadata.n}`);
  });

  test("§35 what processExactlyOnce() has committed is seen through another connection", async (world) => {
    const [source, target] = await topics(world, 1);
    await world.store(source.producer(), 8);
    const processed = consume(source, "app", { until: "end" }).pipe(
      processExactlyOnce(target, ({ metadata }) => ({ metadata })),
    );
    await world.all(processed, "the transactions");
    const driver = await world.reopen();

    const seen = await driver.openTopic<Numbered>(target.name);
    same(numbersOf(await world.read(seen)), upTo(8), "The outputs");
    const { total } = await (await driver.openTopic<Numbered>(source.name)).lag("app");
    same(total, 0, "What was not consumed");
  });

  test("§35 dead letters may go to the topic that is produced to", async (world) => {
    const [source, target] = await topics(world, 1);
    await world.store(source.producer(), 6);
    const processed = consume(source, "app", { until: "end" }).pipe(
      processExactlyOnce(
        target,
        ({ metadata }) => {
          if (metadata.n % 2 === 1) throw new Error("odd");
          return { metadata };
        },
        { deadLetter: target as unknown as Topic<DeadLetterMetadata<Numbered>> },
      ),
    );
    await world.all(processed, "the transactions");

    const numbers = (await world.read(target)).map(({ metadata }) => {
      const letter = metadata as Numbered & Partial<DeadLetterMetadata<Numbered>>;
      return letter.metadata === undefined ? letter.n : -letter.metadata.n;
    });
    same(numbers, [0, -1, 2, -3, 4, -5], "The events and the letters, in order");
  });

  if (!can.groups) return;
  test("§35 processors of one name share the partitions, and every output is stored once while they come and go", async (world) => {
    const [source, target] = await topics(world, 3);
    const processed = () =>
      consume(source, "app").pipe(
        processExactlyOnce(target, ({ metadata }) => ({ metadata }), { batchSize: 4, retry: { initialDelay: 1 } }),
      );
    const steady = collect(processed());
    let stored = 0;
    for (let round = 0; round < 3; round++) {
      await world.store(source.producer(), 30, stored);
      stored += 30;
      const passing = collect(processed());
      await world.until("something more is committed", async () => (await source.lag("app")).total < 20);
      passing.stop();
    }
    await world.until("all is consumed", async () => (await source.lag("app")).total === 0);
    steady.stop();

    ok(steady.error === undefined, `The processor that stayed has failed: ${String(steady.error)}`);
    same(sorted(numbersOf(await world.read(target))), upTo(stored), "The outputs");
  });
}

/** Two topics with so many partitions. The second one takes batches that this file makes itself. */
async function topics(world: World, partitions: number): Promise<[Topic<Numbered>, Topic<Numbered>]> {
  return [await world.topic({ partitions }), await json(world, partitions)];
}

function json(world: World, partitions: number): Promise<Topic<Numbered>> {
  return world.topic({ partitions, serializer: { type: "json" } });
}

/** A member that has a lease of the first partition and does nothing, until it leaves. */
async function member(
  world: World,
  topic: Topic<Numbered>,
  name = "app",
): Promise<{ readonly lease: Lease; leave(): void }> {
  const joined = collect(from(topic.backend.join(name, { partitions: undefined })));
  const leaseOfFirst = () => joined.values.flat().find(({ partition }) => partition === 0);
  await world.until("a lease is given", () => leaseOfFirst() !== undefined);
  return { lease: leaseOfFirst()!, leave: () => joined.stop() };
}

function into(topic: Topic<Numbered>, partition: number, numbers: readonly number[]): TransactionAppend {
  return { topic: topic.backend, partition, batch: batchOf(numbers.map((n) => ({ n }))) };
}

async function positions(topic: Topic<Numbered>, consumer: string): Promise<readonly (number | undefined)[]> {
  return firstValueFrom(from(topic.backend.cursors(consumer)));
}

function placesOf(events: readonly StreamEvent<Numbered>[]): number[][] {
  return events.map(({ partition, metadata }) => [partition, metadata.n]).sort(([p, n], [q, m]) => p! - q! || n! - m!);
}

function idsIn(events: readonly StreamEvent<Numbered>[], numbers: readonly number[]): number[] {
  return numbers.map((n) => events.find(({ metadata }) => metadata.n === n)!.id);
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
