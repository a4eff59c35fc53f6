import { rejects, same, between, ok } from "./assert.ts";
import { collect, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";
import { isSluiceError, type StreamEvent } from "../../src/index.ts";

/** §21: consumers of one name. @internal */
export function groups({ test, can }: Suite): void {
  if (!can.groups) {
    test("§21 a second consumer of a name is refused with ERR_UNSUPPORTED", async (world) => {
      const topic = await world.topic({ partitions: 2 });
      await world.store(topic.producer(), 4);
      const first = collect(topic.consumer("app"));
      await world.until("the first consumer reads", () => first.values.length === 4);

      await rejects(world.take(1, topic.consumer("app"), "events"), "ERR_UNSUPPORTED", "A second consumer of the name");
      first.stop();
    });
    return;
  }

  test("§21 consumers of one name share the partitions, and each event goes to one of them", async (world) => {
    const topic = await world.topic({ partitions: 4 });
    const consumers = [topic.consumer("app"), topic.consumer("app")];
    const told = consumers.map(({ status }) => collect(status));
    const members = consumers.map((consumer) => collect(consumer));
    await world.until("each of them has its share", () =>
      told.every(({ values }) => values.at(-1)?.partitions.length === 2),
    );
    await world.store(topic.producer(), 40);
    const all = () => members.flatMap(({ values }) => values);
    await world.until("all events have come", () => all().length >= 40);

    same(
      numbersOf(all()).sort((a, b) => a - b),
      upTo(40),
      "The events",
    );
    for (const { values } of members)
      same(new Set(values.map(({ partition }) => partition)).size, 2, "The partitions of one member");
    for (const { stop } of [...told, ...members]) stop();
  });

  test("§21 a partition has one owner at a time, and the next one starts behind what was acknowledged", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 6);
    const first = collect(topic.consumer("app"));
    await world.until("the first member reads", () => first.values.length === 6);
    const second = collect(topic.consumer("app"));
    await world.roundTrip();
    same(second.values.length, 0, "The events of the second member");
    await world.within("the acknowledgement", first.values[2]!.acknowledge());
    first.stop();
    await world.until("the second member reads", () => second.values.length >= 3);

    same(numbersOf(second.values), [3, 4, 5], "The events of the second member");
    second.stop();
  });

  test("§21 an old owner finishes what it holds before the new one starts", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 1, 0, 0);
    await world.store(producer, 1, 1, 1);
    const first = collect(topic.consumer("app", { drainTimeout: 60_000 }));
    await world.until("the first member reads", () => first.values.length === 2);
    const second = collect(topic.consumer("app"));
    await world.roundTrip();
    same(second.values.length, 0, "The events of the new member while the old one holds them");
    await world.within("the acknowledgements", Promise.all(first.values.map((event) => event.acknowledge())));
    const moved = () =>
      topic.partitions - new Set([...first.values.slice(2), ...second.values].map(({ partition }) => partition)).size;
    await world.until("new events of both partitions come", async () => {
      await world.store(producer, 1, 2, 0);
      await world.store(producer, 1, 3, 1);
      // A partition that is asked back late brings the old owner more, and it has to finish that as well.
      await Promise.allSettled(first.values.slice(2).map((event) => event.acknowledge()));
      return second.values.length > 0 && moved() === 0;
    });

    same(
      numbersOf(second.values).filter((n) => n < 2),
      [],
      "What the new member got of that which was acknowledged",
    );
    same(new Set(second.values.map(({ partition }) => partition)).size, 1, "The partitions of the new member");
    first.stop();
    second.stop();
  });

  test("§21 a late acknowledgement of a lost partition is refused with ERR_FENCED", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 3, 0, 0);
    await world.store(producer, 3, 3, 1);
    const first = collect(topic.consumer("app", { drainTimeout: 0 }));
    await world.until("the first member reads", () => first.values.length === 6);
    const second = collect(topic.consumer("app"));
    await world.until("the second member reads what was not acknowledged", () => second.values.length === 3);
    const lost = second.values[0]!.partition;
    await world.within("the acknowledgement of the new owner", second.values[0]!.acknowledge());

    const late = first.values.filter(({ partition }) => partition === lost).at(-1)!;
    await rejects(world.within("the refusal", late.acknowledge()), "ERR_FENCED", "The late acknowledgement");
    const kept = first.values.filter(({ partition }) => partition !== lost).at(-1)!;
    await world.within("the acknowledgement in the partition that was kept", kept.acknowledge());
    const { partitions } = await topic.lag("app");
    same(partitions[lost]!.position, second.values[0]!.id + 1, "The position of the lost partition");
    first.stop();
    second.stop();
  });

  test("§21 a refused acknowledgement reaches the consumer's errors", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 2);
    const old = topic.consumer("app");
    const errors = collect(old.errors);
    const events = await world.take(2, old, "events");
    const next = collect(topic.consumer("app"));
    await world.until("the next owner reads", () => next.values.length === 2);
    events[1]!.acknowledge();
    await world.until("the error is told", () => errors.values.length === 1);

    ok(isSluiceError(errors.values[0], "ERR_FENCED"), `The error must be ERR_FENCED: ${String(errors.values[0])}`);
    next.stop();
  });

  test("§21 what a member leaves goes to those who stay", async (world) => {
    const topic = await world.topic({ partitions: 3 });
    const first = collect(topic.consumer("app"));
    const second = collect(topic.consumer("app"));
    await world.roundTrip();
    first.stop();
    await world.store(topic.producer(), 9);
    await world.until("the other member reads all", () => second.values.length === 9);

    same(
      numbersOf(second.values).sort((a, b) => a - b),
      upTo(9),
      "The events",
    );
    second.stop();
  });

  test("§21 events that wait to be pulled go to the new owner of their partition", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 5, 0, 0);
    await world.store(producer, 5, 5, 1);
    const puller = topic.consumer("app", { drainTimeout: 60_000 });
    const pulled = await world.within("a pull", puller.pull());
    await world.within("the acknowledgement", pulled.acknowledge());
    const second = collect(topic.consumer("app"));
    await world.until("the new member reads", () => second.values.length > 0);
    const lost = second.values[0]!.partition;
    await world.until(
      "the new member has read its partition",
      () => second.values.length === (lost === pulled.partition ? 4 : 5),
    );

    const rest: number[] = [];
    for (const _ of upTo(lost === pulled.partition ? 5 : 4))
      rest.push((await world.within("a pull", puller.pull())).metadata.n);
    const all = [pulled.metadata.n, ...rest, ...numbersOf(second.values)].sort((a, b) => a - b);
    same(all, upTo(10), "The events of both");
    second.stop();
  });

  test("§21 an iterator finishes the event that it is at, and gives back those that wait behind it", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 5, 0, 0);
    await world.store(producer, 5, 5, 1);
    const mine: number[] = [];
    let second: ReturnType<typeof collect<StreamEvent<Numbered>>> | undefined;
    for await (const event of topic.consumer("app", { drainTimeout: 60_000 })) {
      mine.push(event.metadata.n);
      second ??= collect(topic.consumer("app"));
      await world.roundTrip();
      await world.within("the acknowledgement", event.acknowledge());
      await world.until("the new member reads", () => second!.values.length >= 4);
      if (mine.length + second.values.length >= 10) break;
    }

    same(
      [...mine, ...numbersOf(second!.values)].sort((a, b) => a - b),
      upTo(10),
      "The events of both",
    );
    second!.stop();
  });

  test("§21 different names each get every event", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    await world.store(topic.producer(), 10);

    for (const name of ["one", "two"]) {
      const events = await world.all(topic.consumer(name, { until: "end" }), "the events");
      same(
        numbersOf(events).sort((a, b) => a - b),
        upTo(10),
        `The events of "${name}"`,
      );
    }
  });

  test("§21 consumers of one name find each other through different connections", async (world) => {
    const topic = await world.topic({ partitions: 4 });
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    const members = [collect(topic.consumer("app")), collect(elsewhere.consumer("app"))];
    await world.roundTrip();
    const all = () => members.flatMap(({ values }) => values);
    const producer = topic.producer();
    let stored = 0;
    await world.until("both members get events", async () => {
      await world.store(producer, 4, stored);
      stored += 4;
      return members.every(({ values }) => values.length > 0);
    });
    await world.until("all events have come", () => new Set(numbersOf(all())).size === stored);

    const last = new Map(all().map((event) => [event.partition, event]));
    between(last.size, 4, 4, "The partitions that were read");
    for (const { stop } of members) stop();
  });

  if (!can.addPartitions) return;

  test("§21 new partitions are shared too", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const members = [collect(topic.consumer("app")), collect(topic.consumer("app"))];
    await world.within("a new partition", topic.addPartition());
    const producer = topic.producer();
    let stored = 0;
    const lastRead = () => new Set(members.map(({ values }) => values.at(-1)?.partition));
    // Where a group meets slowly, its first member may hold both partitions for a while.
    await world.until("each member reads a partition of its own", async () => {
      for (const partition of [0, 1]) await world.store(producer, 2, (stored += 2) - 2, partition);
      return members.every(({ values }) => values.length > 0) && lastRead().size === 2;
    });
    const read = () => new Set(members.flatMap(({ values }) => numbersOf(values)));
    await world.until("all events have come", () => read().size === stored);

    same(
      [...read()].sort((a, b) => a - b),
      upTo(stored),
      "The events of both",
    );
    for (const { stop } of members) stop();
  });
}
