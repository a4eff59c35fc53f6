import { firstValueFrom, from, lastValueFrom, map, of, toArray } from "rxjs";
import { durabilities } from "../../src/model/durability.ts";
import { EventDraft, isSluiceError, packBatch, schema, type Rejection } from "../../src/index.ts";
import { batch, produce, selectPartition, send, serialize, validate } from "../../operators/index.ts";
import { matching, ok, rejects, same } from "./assert.ts";
import { batchOf, collect, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";

const numbered = schema({ type: "object", properties: { n: { type: "integer", maximum: 100 } }, required: ["n"] });

/** §4, §6 to §8: the way of an event into a topic, and what becomes of one that does not make it. @internal */
export function producing({ test, can }: Suite): void {
  test("§4 the steps of a producer are operators that can be put together by hand", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const { validator, partitionSelector, serializer } = topic.components;
    const stored$ = of(...upTo(5)).pipe(
      map((n) => new EventDraft<Numbered>({ n })),
      validate<Numbered>(validator),
      selectPartition<Numbered>(partitionSelector, topic.partitions),
      serialize<Numbered>(serializer),
      batch({ batchSize: 2 }),
      map((drafts) => packBatch(drafts)),
      send(topic.backend.partitions[0]!),
    );

    same(
      (await world.all(stored$, "the batches")).map((each) => each.batch.count),
      [2, 2, 1],
      "The batches",
    );
    same(numbersOf(await world.read(topic)), upTo(5), "The events");
  });

  test("§4 an event goes through validator, partition selector and serializer, in this order", async (world) => {
    const steps: string[] = [];
    const topic = await world.topic({
      partitions: 2,
      validator: (metadata: Numbered) => void steps.push(`validate ${metadata.n}`),
      partitionSelector: (metadata) => (steps.push(`select ${metadata.n}`), 1),
      serializer: {
        form: "text",
        serialize: (metadata: Numbered) => (steps.push(`serialize ${metadata.n}`), String(metadata.n)),
        deserialize: (written: string) => ({ n: Number(written) }),
      },
    });
    await world.within("the push", topic.producer().push({ n: 7 }));

    same(steps, ["validate 7", "select 7", "serialize 7"], "The steps");
    same(
      (await world.read(topic)).map((event) => [event.partition, event.metadata.n]),
      [[1, 7]],
      "The event",
    );
  });

  test("§6 a rejected event names the path and the rule, and takes no other with it", async (world) => {
    const topic = await world.driver.createTopic("checked", { validator: numbered });
    const producer = topic.producer({ batchSize: 3 });
    const before = producer.push({ n: 1 });
    const wrong = producer.push({ n: 1000 });
    const after = producer.push({ n: 2 });

    const error = await rejects(
      world.within("the rejection", wrong),
      "ERR_INVALID_METADATA",
      "The push of a wrong event",
    );
    ok(isSluiceError(error), "The error must have details");
    same(error.details["path"], "/n", "The path");
    ok(String(error.details["rule"]).startsWith("maximum"), `The rule must be named: ${String(error.details["rule"])}`);
    await rejects(
      world.within("the flush", producer.flush()),
      "ERR_INVALID_METADATA",
      "The flush after a rejected event",
    );
    await world.within("the other events", Promise.all([before, after]));
    same(numbersOf(await world.read(topic)), [1, 2], "The events that were stored");
  });

  test("§6 a rejected event fails produce(), after those before it are stored", async (world) => {
    const topic = await world.driver.createTopic("checked", { validator: numbered });
    const produced = collect(
      of({ n: 1 }, { n: 1000 }, { n: 2 }).pipe(
        map((metadata) => ({ metadata })),
        produce(topic),
      ),
    );
    await world.until("produce() ends", () => produced.ended);

    matching(produced.error, "ERR_INVALID_METADATA", "produce()");
    same(produced.values.length, 1, "The receipts");
    same(numbersOf(await world.read(topic)), [1], "The events that were stored");
  });

  test('§6 a rejected event is left out under rejected: "skip"', async (world) => {
    const topic = await world.driver.createTopic("checked", { validator: numbered });
    const receipts$ = of({ n: 1 }, { n: 1000 }, { n: 2 }).pipe(
      map((metadata) => ({ metadata })),
      produce(topic, { rejected: "skip" }),
    );

    same((await world.all(receipts$, "the receipts")).length, 2, "The receipts");
    same(numbersOf(await world.read(topic)), [1, 2], "The events that were stored");
  });

  test("§6 a rejected event goes to an observer, which can be the producer of a dead-letter topic", async (world) => {
    const topic = await world.driver.createTopic("checked", { validator: numbered });
    const dead = await world.topic<unknown>();
    const letters = dead.producer();
    const inputs = [
      { metadata: { n: 1 } },
      { metadata: { n: 1000 }, data: new Uint8Array([1, 2, 3]) },
      { metadata: { n: 2 } },
    ];
    await world.all(from(inputs).pipe(produce(topic, { rejected: letters })), "the receipts");
    await world.within("the dead letters to be stored", letters.flush());

    const [letter] = await world.read(dead, { dataSelector: (_, descriptor) => descriptor });
    same(letter?.metadata, { n: 1000 }, "The dead letter");
    same(letter!.data.toUint8Array(), new Uint8Array([1, 2, 3]), "The data of the dead letter");
    same(numbersOf(await world.read(topic)), [1, 2], "The events that were stored");
  });

  test("§7 a requested partition is honoured", async (world) => {
    const topic = await world.topic({ partitions: 4 });
    const producer = topic.producer();
    const requested = [3, 0, 2, 2, 1, 3];
    requested.forEach((partition, n) => void producer.push({ n }, undefined, { partition }));
    await world.within("the events to be stored", producer.flush());

    const events = await world.read(topic);
    for (const { partition, metadata } of events)
      same(partition, requested[metadata.n], `The partition of event ${metadata.n}`);
    same(events.length, requested.length, "How many events there are");
  });

  test("§7 a partition that does not exist is refused and never wrapped round", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    for (const partition of [2, 4, -1, 0.5, NaN, 2 ** 32]) {
      const pushed = producer.push({ n: 0 }, undefined, { partition });
      const error = await rejects(
        world.within("the refusal", pushed),
        "ERR_INVALID_PARTITION",
        `A push to partition ${partition}`,
      );
      ok(error.message.includes(String(partition)), `The message must have the partition: ${error.message}`);
    }
    same((await world.read(topic)).length, 0, "How many events there are");
  });

  test("§7 without a request the default selector uses all partitions", async (world) => {
    const topic = await world.topic({ partitions: 3 });
    await world.store(topic.producer(), 9);

    const partitions = (await world.read(topic)).map((event) => event.partition).sort((a, b) => a - b);
    same(partitions, [0, 0, 0, 1, 1, 1, 2, 2, 2], "The partitions");
  });

  test("§8 an event is stored when its future resolves", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    const producer = topic.producer();
    for (const n of upTo(5)) {
      const id = await world.within("the push", producer.push({ n }));
      const { partitions } = await elsewhere.describe();
      ok(
        partitions[0]!.end > id,
        `Event ${id} is not there when its future has resolved: the end is ${partitions[0]!.end}`,
      );
      const events = await world.read(elsewhere);
      same(events.at(-1)?.metadata, { n }, "The last event that another driver reads");
    }
  });

  test("§8 a receipt comes for each event that was stored", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer({ batchSize: 2 });
    const receipts = collect(producer.receipts);
    const ids = await world.store(producer, 4, 0, 1);

    same(
      receipts.values.map(({ topic: name, partition, id }) => [name, partition, id]),
      ids.map((id) => [topic.name, 1, id]),
      "The receipts",
    );
  });

  test("§8 produce() emits a receipt for each event that was stored", async (world) => {
    const topic = await world.topic();
    const receipts$ = from(upTo(100)).pipe(
      map((n) => ({ metadata: { n }, partition: 0 })),
      produce(topic, { batchSize: 8 }),
    );
    const receipts = await world.within("the receipts", lastValueFrom(receipts$.pipe(toArray())));

    same(
      receipts.map(({ id }) => id),
      (await world.read(topic)).map((event) => event.id),
      "The ids",
    );
  });

  test("§8 a future rejects when its event cannot be stored", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer();
    await world.store(producer, 1);
    await world.within("the deletion", world.driver.deleteTopic(topic.name));

    await rejects(
      world.within("the rejection", producer.push({ n: 1 })),
      "ERR_TOPIC_NOT_FOUND",
      "A push to a deleted topic",
    );
  });

  test("§8 the error of a future that nobody kept reaches flush() and errors", async (world) => {
    const topic = await world.driver.createTopic("checked", { validator: numbered });
    const producer = topic.producer();
    const failed = collect<Rejection<unknown>>(producer.errors);
    producer.push({ n: 1000 });

    await rejects(world.within("the flush", producer.flush()), "ERR_INVALID_METADATA", "The flush after a failed push");
    same(
      failed.values.map(({ metadata }) => metadata),
      [{ n: 1000 }],
      "What the error stream told",
    );
    await world.within("a flush with nothing to tell", producer.flush());
  });

  test("§9 the driver declares how safe a stored event is, and the suite was told the same", async (world) => {
    ok(
      ["memory", "os", "disk", "replicated"].includes(world.driver.capabilities.durability),
      "The durability must have a name",
    );
    same(world.driver.capabilities, can, "The capabilities");
  });

  test("§9 a producer may ask for a durability that is not stronger than the declared one", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    for (const durability of durabilities.slice(0, durabilities.indexOf(can.durability) + 1)) {
      await world.within(durability, topic.producer({ durability }).push({ n: durabilities.indexOf(durability) }));
      await world.within(
        `${durability}, by produce()`,
        lastValueFrom(of({ metadata: { n: 9 } }).pipe(produce(topic, { durability }))),
      );
    }
    same((await world.read(topic)).length, 2 * (durabilities.indexOf(can.durability) + 1), "How many events there are");
  });

  test("§9 a durability that is stronger than the declared one is refused, and nothing is stored", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    for (const durability of durabilities.slice(durabilities.indexOf(can.durability) + 1)) {
      for (const make of [() => topic.producer({ durability }), () => produce(topic, { durability })]) {
        const refused = thrownBy(make);
        ok(isSluiceError(refused, "ERR_UNSUPPORTED"), `A producer at durability "${durability}" must be refused`);
      }
      const append = topic.backend.partitions[0]!.append({ ...batchOf([{ n: 0 }]), durability });
      await rejects(world.within("the refusal", firstValueFrom(from(append))), "ERR_UNSUPPORTED", "The batch");
    }
    await world.store(topic.producer(), 1);
    same((await world.read(topic)).length, 1, "How many events there are");
  });

  const survival = can.persistent
    ? "outlives the connection that stored it"
    : "is seen by every connection to the same storage";
  test(`§9 an event ${survival}`, async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer(), 3);
    if (can.persistent) await world.within("the first driver to close", world.driver.close());
    const elsewhere = await world.reopen();
    const again = await world.within("the topic", elsewhere.openTopic<Numbered>(topic.name));

    same(numbersOf(await world.read(again)), upTo(3), "The events");
  });
}

/** What a call throws; undefined when it does not. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
