import { connect, type Rejection } from "../../src/index.ts";
import { consume, produce } from "../../operators/index.ts";
import { matching, ok, rejects, same, throws } from "./assert.ts";
import { collect, numbersOf, upTo, type Suite } from "./world.ts";

const wrongNames: readonly string[] = ["", ".", "..", "a/b", "../escaped", "a b", "ü", "a\n", "x".repeat(250)];

/** §31 and §32: what a caller can do wrong. @internal */
export function badInput({ test, longestName }: Suite): void {
  test("§31 a push of something that is no data throws a TypeError, and no other event is lost", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 10, linger: Infinity });
    const first = producer.push({ n: 0 });
    const error = throws(() => producer.push({ n: 1 }, 7 as never), TypeError, "A push of a number as data");
    throws(
      () => producer.push({ n: 1 }, undefined, { partition: "1" as never }),
      TypeError,
      "A push to a partition that is a string",
    );
    const last = producer.push({ n: 2 });
    await world.within("the flush", producer.flush());

    ok(error.message.includes("7"), `The message must have the value: ${error.message}`);
    ok(first.completed && last.completed, "The other events must be stored");
    same(numbersOf(await world.read(topic)), [0, 2], "The events");
  });

  test("§31 something in a stream that is no event fails by itself", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer();
    const failed = collect<Rejection<unknown>>(producer.errors);
    for (const input of [
      { metadata: { n: 0 } },
      undefined,
      7,
      { n: 1 },
      { metadata: { n: 1 }, data: "text" },
      { metadata: { n: 2 } },
    ]) {
      producer.next(input as never);
    }
    await rejects(world.within("the flush", producer.flush()), Error, "The flush");

    same(failed.values.length, 4, "How many failed");
    for (const { error } of failed.values) matching(error, TypeError, "What an input that is no event fails with");
    same(numbersOf(await world.read(topic)), [0, 2], "The events");
  });

  test("§31 metadata that cannot be serialized fails its own event", async (world) => {
    const topic = await world.topic<unknown>({ partitions: 1, serializer: { type: "json" } });
    const producer = topic.producer();
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const metadata of [circular, undefined, () => 1, 10n]) {
      await rejects(
        world.within("the refusal", producer.push(metadata)),
        "ERR_SERIALIZATION",
        "A push of metadata that is no JSON",
      );
    }
    await world.within("an event that is right", producer.push({ n: 1 }));
    same((await world.read(topic)).length, 1, "How many events there are");
  });

  test("§31 options that are out of range are refused before any effect, with their value", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    for (const [what, make, expected, value] of [
      ["batchSize 0", () => topic.producer({ batchSize: 0 }), RangeError, "0"],
      ["batchSize 1.5", () => topic.producer({ batchSize: 1.5 }), RangeError, "1.5"],
      ["batchSize as text", () => topic.producer({ batchSize: "ten" as never }), TypeError, "ten"],
      ["maxBatches 0", () => topic.producer({ maxBatches: 0 }), RangeError, "0"],
      ["linger -1", () => topic.producer({ linger: -1 }), RangeError, "-1"],
      ["ordering", () => topic.producer({ ordering: "sloppy" as never }), Error, "sloppy"],
      ["overflow", () => topic.producer({ overflow: "panic" as never }), Error, "panic"],
      ["concurrency 0", () => topic.producer({ concurrency: 0 }), RangeError, "0"],
      ["produce() with batchSize 0", () => produce(topic, { batchSize: 0 }), RangeError, "0"],
      ["a consumer's maxBatches 0", () => topic.consumer("app", { maxBatches: 0 }), RangeError, "0"],
      ["a consumer's batchSize -1", () => topic.consumer("app", { batchSize: -1 }), RangeError, "-1"],
      ["startFrom -1", () => topic.consumer("app", { startFrom: -1 }), RangeError, "-1"],
      ["startFrom as text", () => topic.consumer("app", { startFrom: "middle" as never }), TypeError, "middle"],
      ["startFrom an invalid date", () => topic.consumer("app", { startFrom: new Date(NaN) }), TypeError, ""],
      ["the last 1.5", () => topic.consumer("app", { startFrom: { last: 1.5 } }), RangeError, "1.5"],
      ["demand", () => topic.consumer("app", { demand: "all" as never }), Error, "all"],
      ["dataSelector", () => topic.consumer("app", { dataSelector: 7 as never }), TypeError, "7"],
      ["consume() with maxBytes 0", () => consume(topic, "app", { maxBytes: 0 }), RangeError, "0"],
    ] as const) {
      const error = throws(make, expected, what);
      ok(error.message.includes(value), `The message of ${what} must have the current value: ${error.message}`);
    }
    throws(
      () => topic.consumer("app", { partitions: [2] }),
      "ERR_INVALID_PARTITION",
      "A consumer of a partition that does not exist",
    );
  });

  test("§31 a driver refuses what it cannot make", async (world) => {
    const { driver } = world;
    for (const partitions of [0, -1, 1.5, NaN, 2 ** 40]) {
      await rejects(driver.createTopic("topic", { partitions }), RangeError, `A topic with ${partitions} partitions`);
    }
    await rejects(
      driver.createTopic("topic", { partitions: "3" as never }),
      TypeError,
      "A topic whose partitions are a string",
    );
    await rejects(
      driver.createTopic("topic", { validator: 7 as never }),
      TypeError,
      "A topic whose validator is a number",
    );
    await rejects(
      driver.createTopic("topic", { serializer: { type: "no-such" } }),
      "ERR_COMPONENT",
      "A topic with an unknown serializer",
    );
    same(await driver.topicExists("topic"), false, "Whether anything was made");
  });

  test("§31 a topic that is not there is ERR_TOPIC_NOT_FOUND", async (world) => {
    const { driver } = world;

    same(await driver.topicExists("nowhere"), false, "Whether it exists");
    await rejects(world.within("the refusal", driver.openTopic("nowhere")), "ERR_TOPIC_NOT_FOUND", "Opening it");
    await rejects(world.within("the refusal", driver.deleteTopic("nowhere")), "ERR_TOPIC_NOT_FOUND", "Deleting it");
    same(await driver.listTopics(), [], "The topics");
  });

  test("§31 a topic that is there already is ERR_TOPIC_EXISTS, and stays as it is", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    await world.store(topic.producer(), 4);
    await rejects(
      world.within("the refusal", world.driver.createTopic(topic.name, { partitions: 5 })),
      "ERR_TOPIC_EXISTS",
      "Creating it again",
    );
    const again = await world.driver.openTopic<{ n: number }>(topic.name);

    same(again.partitions, 2, "Its partitions");
    same(
      numbersOf(await world.read(again)).sort((a, b) => a - b),
      upTo(4),
      "Its events",
    );
  });

  test("§31 a URL that names no backend is refused", async () => {
    await rejects(connect("no-such-scheme:anything"), "ERR_UNKNOWN_SCHEME", "An unknown scheme");
    await rejects(connect("nothing"), TypeError, "A URL without a scheme");
    await rejects(connect(7 as never), TypeError, "A URL that is a number");
  });

  test("§32 names of topics, producers and consumers are checked", async (world) => {
    const topic = await world.topic();
    for (const name of wrongNames) {
      await rejects(world.driver.createTopic(name), RangeError, `Creating topic ${JSON.stringify(name)}`);
      await rejects(world.driver.openTopic(name), RangeError, `Opening topic ${JSON.stringify(name)}`);
      await rejects(world.driver.deleteTopic(name), RangeError, `Deleting topic ${JSON.stringify(name)}`);
      throws(() => topic.producer({ name }), RangeError, `A producer ${JSON.stringify(name)}`);
      throws(() => topic.consumer(name), RangeError, `A consumer ${JSON.stringify(name)}`);
      throws(() => consume(topic, name), RangeError, `consume() as ${JSON.stringify(name)}`);
    }
    throws(() => topic.consumer(7 as never), TypeError, "A consumer whose name is a number");
    same(await world.driver.listTopics(), [topic.name], "The topics");
  });

  test("§32 every name that is allowed works", async (world) => {
    for (const name of ["a", "...", "-", "A.b_c-9", "con", "x".repeat(longestName)]) {
      const topic = await world.within(`topic ${name}`, world.driver.createTopic<{ n: number }>(name));
      await world.store(topic.producer({ name }), 1, 0, 0);
      const [event] = await world.take(1, topic.consumer(name), "events");
      await world.within("the acknowledgement", event!.acknowledge());
      same((await topic.lag(name)).partitions[0]!.position, event!.id + 1, "The acknowledged position");
    }
    same((await world.driver.listTopics()).length, 6, "How many topics there are");
  });
}
