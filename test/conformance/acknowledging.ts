import { filter, firstValueFrom, from, take } from "rxjs";
import { processEvents } from "../../operators/index.ts";
import { ok, rejects, same } from "./assert.ts";
import { collect, gate, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";
import type { Lease, Topic } from "../../src/index.ts";

/** §19 and §20: what an acknowledgement is, and who gives it. @internal */
export function acknowledging({ test, can }: Suite): void {
  const positionOf = async (topic: Topic<Numbered>, name: string) => (await topic.lag(name)).partitions[0]!.position;

  test("§19 acknowledge() is cumulative inside its partition", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    await world.store(producer, 6, 0, 0);
    await world.store(producer, 6, 6, 1);
    const events = await world.take(12, topic.consumer("app"), "events");
    const fourth = events.find((event) => event.metadata.n === 3)!;
    await world.within("the acknowledgement", fourth.acknowledge());

    const left = numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left")).sort(
      (a, b) => a - b,
    );
    same(left, [4, 5, ...upTo(6, 6)], "The events that are delivered again");
  });

  test("§19 an acknowledgement moves forward only", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 5);
    const read = collect(topic.consumer("app"));
    await world.until("five events come", () => read.values.length === 5);
    await world.within("the acknowledgement", read.values[3]!.acknowledge());
    for (const earlier of [3, 1, 0]) {
      await rejects(
        world.within("the refusal", read.values[earlier]!.acknowledge()),
        "ERR_ALREADY_ACKNOWLEDGED",
        `Acknowledging event ${earlier}`,
      );
    }

    same(await positionOf(topic, "app"), ids[3]! + 1, "The position that is stored");
    read.stop();
    same(
      numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left")),
      [4],
      "The events that are delivered again",
    );
  });

  test("§19 the backend keeps the furthest position that it was told", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 5);
    const leases = collect(from(topic.backend.join("app", { partitions: undefined })));
    await world.until("a lease is given", () => leases.values.flat().length === 1);
    const lease = leases.values.flat()[0] as Lease;
    for (const position of [ids[2]!, ids[1]!, ids[0]!])
      await world.within("the acknowledgement", from(lease.acknowledge(position)));
    leases.stop();

    same(await firstValueFrom(from(topic.backend.cursors("app"))), [ids[2]], "The stored position");
  });

  test("§19 an acknowledgement is stored by the backend when its future resolves", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    const read = collect(topic.consumer("app"));
    await world.until("five events come", () => read.values.length === 5);
    for (const n of [0, 2, 4]) {
      await world.within("the acknowledgement", read.values[n]!.acknowledge());
      same(await positionOf(elsewhere, "app"), read.values[n]!.id + 1, `The position behind event ${n}`);
    }
    read.stop();
  });

  const survival = can.persistent ? "survives the end of its connection" : "is seen through another connection";
  test(`§19 an acknowledgement ${survival}`, async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);
    const events = await world.take(3, topic.consumer("app"), "events");
    await world.within("the acknowledgement", events[2]!.acknowledge());
    if (can.persistent) await world.within("the first driver to close", world.driver.close());
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);

    same(
      numbersOf(await world.all(elsewhere.consumer("app", { until: "end" }), "what is left")),
      [3, 4],
      "The events that are delivered again",
    );
  });

  test("§19 a name that has acknowledged nothing has no position", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    await world.store(topic.producer(), 2, 0, 1);

    const { total, partitions } = await topic.lag("nobody");
    same(
      partitions.map(({ position }) => position),
      [undefined, undefined],
      "The positions",
    );
    if (can.contiguousIds) same(total, 2, "The lag");
  });

  test("§20 nothing is acknowledged that the caller did not acknowledge", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);
    const name = "app";
    same(
      (await world.all(topic.consumer(name, { until: "end" }), "the events")).length,
      5,
      "The events of a subscription",
    );
    const pulling = topic.consumer(name);
    for (const n of upTo(5)) same((await world.within("a pull", pulling.pull())).metadata.n, n, "The pulled event");
    await world.within("the consumer to close", pulling.close());
    let iterated = 0;
    for await (const event of topic.consumer(name, { until: "end" }))
      same(event.metadata.n, iterated++, "The event of an iterator");

    same(await positionOf(topic, name), undefined, "The stored position");
    same(iterated, 5, "The events of an iterator");
  });

  test("§20 processEvents() acknowledges each event after its handler has succeeded", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 3);
    const positions: (number | undefined)[] = [];
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    const handled$ = topic.consumer("app", { until: "end" }).pipe(
      processEvents(async () => {
        positions.push(await positionOf(elsewhere, "app"));
      }),
    );
    same(numbersOf(await world.all(handled$, "the handled events")), upTo(3), "The handled events");

    ok(
      positions.every((position, n) => (position ?? 0) <= ids[n]!),
      `An event was acknowledged before it was handled: ${positions.join()}`,
    );
    await world.until("all is acknowledged", async () => (await positionOf(elsewhere, "app")) === ids[2]! + 1);
  });

  test("§20 processEvents() never acknowledges an event that is still being handled", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 4);
    const gates = upTo(4).map(() => gate());
    const handled = collect(
      topic.consumer("app").pipe(processEvents((event) => gates[event.metadata.n]!.passed, { concurrency: 4 })),
    );
    for (const n of [1, 2, 3]) gates[n]!.open();
    await world.until("the later events are handled", () => handled.values.length === 3);
    await world.roundTrip();
    same(await positionOf(topic, "app"), undefined, "The position while the first event is being handled");
    gates[0]!.open();

    await world.until("all is acknowledged", async () => (await positionOf(topic, "app")) === ids[3]! + 1);
    handled.stop();
  });

  test("§20 an event whose handler fails is delivered again, with all behind it", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 5);
    const refuse = ({ metadata }: { metadata: Numbered }) => {
      if (metadata.n === 2) throw new RangeError("not this one");
    };
    await rejects(world.within("the failure", topic.consumer("app").process(refuse)), RangeError, "process()");

    same(
      numbersOf(await world.all(topic.consumer("app", { until: "end" }), "what is left")),
      [2, 3, 4],
      "The events that are delivered again",
    );
  });

  test("§20 a dead letter is acknowledged once it has been taken", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 3);
    const dead: number[] = [];
    const consumer = topic.consumer("app", { until: "end" });
    const refuse = () => {
      throw new RangeError("none of them");
    };
    await world.within(
      "the end",
      consumer.process(refuse, { deadLetter: ({ event }) => void dead.push(event.metadata.n) }),
    );

    same(dead, upTo(3), "The dead letters");
    await world.until("all is acknowledged", async () => (await positionOf(topic, "app")) === ids[2]! + 1);
  });

  test("§20 acknowledgements of a handled stream reach the backend although the stream ends at once", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const ids = await world.store(topic.producer(), 3);
    const handled$ = topic.consumer("app").pipe(
      processEvents(() => undefined),
      filter((event) => event.metadata.n === 2),
      take(1),
    );
    await world.all(handled$, "the last event");

    await world.until("all is acknowledged", async () => (await positionOf(topic, "app")) === ids[2]! + 1);
  });
}
