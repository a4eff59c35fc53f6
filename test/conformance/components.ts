import { firstValueFrom, from, isObservable } from "rxjs";
import { schema, type Driver } from "../../src/index.ts";
import { rejects, same, ok } from "./assert.ts";
import { collect, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";

const numbered = schema({
  type: "object",
  properties: { n: { type: "integer" }, key: { type: "string" } },
  required: ["n"],
});

/** §5 and §30: what is stored of a topic, and how a backend answers. @internal */
export function components({ test, can }: Suite): void {
  test("§5 components are stored with the topic and come back through another connection", async (world) => {
    const made = await world.driver.createTopic("made", {
      partitions: 4,
      validator: numbered,
      partitionSelector: { type: "by-key", key: "key" },
      serializer: { type: "json" },
    });
    const again = await (await world.reopen()).openTopic<{ n: number; key?: string }>("made");
    same((await again.describe()).components, (await made.describe()).components, "The components");
    same((await again.describe()).components.serializer.type, "json", "The type of the serializer");

    const producer = again.producer();
    await rejects(
      world.within("the rejection", producer.push({ n: 0.5 })),
      "ERR_INVALID_METADATA",
      "A push that the schema forbids",
    );
    for (const n of upTo(8)) producer.push({ n, key: "same" });
    await producer.flush().catch(() => undefined);
    same(
      new Set((await world.read(made)).map(({ partition }) => partition)).size,
      1,
      "The partitions of events with one key",
    );
  });

  test("§5 metadata is written by the serializer of the topic, whoever writes and reads", async (world) => {
    const topic = await world.driver.createTopic<string>("texts", { partitions: 1, serializer: { type: "text" } });
    const elsewhere = await (await world.reopen()).openTopic<string>("texts");
    await world.within("a push", topic.producer().push("plain"));
    await world.within("a push", elsewhere.producer().push("text"));

    const batch = await world.within(
      "a read",
      firstValueFrom(from(topic.backend.partitions[0]!.read(0, { maxEvents: 1, maxBytes: 1000 }))),
    );
    same(new TextDecoder().decode(batch.metadata), "plain", "The bytes that are stored");
    same(
      (await world.read(elsewhere)).map(({ metadata }) => metadata),
      ["plain", "text"],
      "The metadata",
    );
  });

  test("§5 a plain function cannot be stored, and whoever opens the topic elsewhere has to hand it in", async (world) => {
    const positive = ({ n }: Numbered) => {
      if (n < 0) throw new Error("negative");
    };
    await world.driver.createTopic("guarded", { validator: positive });
    const second = await world.reopen();
    const driver: Driver = second === world.driver ? world.driver : second;
    if (driver !== world.driver) {
      await rejects(
        world.within("the refusal", driver.openTopic("guarded")),
        "ERR_COMPONENT_MISSING",
        "Opening it without the function",
      );
    }
    const guarded = await driver.openTopic("guarded", { validator: positive });
    await rejects(
      world.within("the rejection", guarded.producer().push({ n: -1 })),
      "ERR_INVALID_METADATA",
      "A push that the function forbids",
    );
    await world.store(guarded.producer(), 1);
    const known = await world.driver.openTopic<Numbered>("guarded");
    await rejects(
      world.within("the rejection", known.producer().push({ n: -1 })),
      "ERR_INVALID_METADATA",
      "A push through the driver that was handed it",
    );

    same((await world.read(guarded)).length, 1, "How many events there are");
  });

  test("§5 a function that is missing can be waived by name", async (world) => {
    await world.driver.createTopic<Numbered>("guarded", { validator: () => undefined });
    const driver = await world.reopen();
    const topic = await world.within("the topic", driver.openTopic<Numbered>("guarded", { waive: ["validator"] }));
    await world.store(topic.producer(), 2);

    same((await world.read(topic)).length, 2, "How many events there are");
  });

  test("§5 each component may be asynchronous", async (world) => {
    const topic = await world.topic<Numbered>({
      partitions: 2,
      validator: async ({ n }: Numbered) => {
        await Promise.resolve();
        if (n === 3) throw new Error("not 3");
      },
      partitionSelector: async ({ n }) => Promise.resolve(n % 2),
      serializer: {
        form: "bytes",
        serialize: async ({ n }: Numbered) => Promise.resolve(Uint8Array.of(n)),
        deserialize: async (bytes: Uint8Array) => Promise.resolve({ n: bytes[0]! }),
      },
    });
    const producer = topic.producer();
    const outcomes = await world.within("the pushes", Promise.allSettled(upTo(6).map((n) => producer.push({ n }))));
    same(
      outcomes.map(({ status }) => status === "fulfilled"),
      [true, true, true, false, true, true],
      "Which were accepted",
    );

    const events = await world.read(topic);
    same(
      events.map(({ metadata, partition }) => [metadata.n, partition] as const).sort(([a], [b]) => a - b),
      [
        [0, 0],
        [1, 1],
        [2, 0],
        [4, 0],
        [5, 1],
      ],
      "The events",
    );
  });

  test("§5 topics are listed, described and found", async (world) => {
    const { driver } = world;
    same(await driver.listTopics(), [], "The topics of an empty backend");
    for (const name of ["b", "a", "c"]) await driver.createTopic(name, { partitions: 2 });
    await world.within("the deletion", driver.deleteTopic("c"));
    const elsewhere = await world.reopen();

    same(await elsewhere.listTopics(), ["a", "b"], "The topics");
    same([await elsewhere.topicExists("a"), await elsewhere.topicExists("c")], [true, false], "Which exist");
    const topic = await driver.openTopic<Numbered>("a");
    const ids = await world.store(topic.producer(), 3, 0, 1);
    const { name, partitions } = await topic.describe();
    same(name, "a", "The name");
    same(
      partitions.map(({ partition, sealed }) => [partition, sealed]),
      [
        [0, false],
        [1, false],
      ],
      "The partitions",
    );
    ok(partitions[1]!.end > ids[2]! && partitions[0]!.end === partitions[0]!.start, "How far the partitions reach");
    if (can.contiguousIds)
      same(
        partitions.map(({ start, end }) => [start, end]),
        [
          [0, 0],
          [0, 3],
        ],
        "How far the partitions reach",
      );
  });

  test("§5 retention is stored with the topic", async (world) => {
    const retention = { maxBytes: 1e9, maxAge: 1e9, acknowledgedBy: ["app"] };
    await world.driver.createTopic("kept", { retention });
    const again = await (await world.reopen()).openTopic("kept");

    same((await again.describe()).retention, retention, "The retention");
  });

  if (can.addPartitions) {
    test("§5 partitions can be added; events stay, and producers and consumers take them up", async (world) => {
      const topic = await world.topic({ partitions: 1 });
      const producer = topic.producer();
      await world.store(producer, 3);
      const read = collect(topic.consumer("app"));
      await world.within("new partitions", topic.addPartitions(2));
      same([topic.partitions, (await topic.describe()).partitions.length], [3, 3], "The partitions");
      await world.store(producer, 3, 3, 2);
      await world.until("the consumer has read all", () => read.values.length === 6);
      read.stop();

      same(numbersOf(await world.read(topic, { partitions: [0] })), upTo(3), "The events that were there before");
      same(numbersOf(await world.read(topic, { partitions: [2] })), upTo(3, 3), "The events of a new partition");
      const again = await (await world.reopen()).openTopic<Numbered>(topic.name);
      same([again.partitions, again.backend.config.partitions], [3, 3], "The partitions through another connection");
      same((await world.read(again)).length, 6, "The events through another connection");
    });
  } else {
    test("§5 adding partitions is refused with ERR_UNSUPPORTED", async (world) => {
      const topic = await world.topic({ partitions: 1 });

      await rejects(world.within("the refusal", topic.addPartition()), "ERR_UNSUPPORTED", "addPartition()");
      same(topic.partitions, 1, "The partitions");
    });
  }

  test("§30 every call of the backend answers with an ObservableInput", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 1);
    const partition = topic.backend.partitions[0]!;
    const answers = [
      partition.bounds(),
      partition.read(0, { maxEvents: 1, maxBytes: 100 }),
      partition.fetch([]),
      topic.backend.cursors("app"),
    ];
    for (const answer of answers) {
      ok(
        isObservable(answer) ||
          typeof (answer as PromiseLike<unknown>).then === "function" ||
          Symbol.iterator in answer ||
          Symbol.asyncIterator in answer,
        "An answer is no ObservableInput",
      );
      await world.within("an answer", firstValueFrom(from(answer as Promise<unknown>)));
    }
  });
}
