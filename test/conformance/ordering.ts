import { ok, between, same } from "./assert.ts";
import { gate, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";

/** Work that takes some turns of the event loop's microtasks, a different number for each event. */
async function dawdle(n: number): Promise<void> {
  for (let turn = (n * 7) % 13; turn > 0; turn--) await Promise.resolve();
}

/** §13: the order in which events are stored. @internal */
export function ordering({ test }: Suite): void {
  test("§13 strict: events are stored as they were pushed, while asynchronous validators overlap and end in reverse", async (world) => {
    const gates = upTo(5).map(() => gate());
    let running = 0;
    const topic = await world.topic({
      partitions: 1,
      validator: async ({ n }: Numbered) => {
        running++;
        await gates[n]!.passed;
      },
    });
    const producer = topic.producer({ ordering: "strict" });
    const futures = upTo(5).map((n) => producer.push({ n }));
    await world.until("all validators run at once", () => running === 5);
    for (const each of gates.toReversed()) each.open();
    await world.within("the events to be stored", Promise.all(futures));

    same(numbersOf(await world.read(topic)), upTo(5), "The events");
  });

  test("§13 loose: events are stored as they become ready", async (world) => {
    const gates = upTo(3).map(() => gate());
    const topic = await world.topic({ partitions: 1, validator: ({ n }: Numbered) => gates[n]!.passed });
    const producer = topic.producer({ ordering: "loose" });
    const futures = upTo(3).map((n) => producer.push({ n }));
    for (const n of [2, 0, 1]) {
      gates[n]!.open();
      await world.within(`event ${n}`, futures[n]!);
    }

    same(numbersOf(await world.read(topic)), [2, 0, 1], "The events");
  });

  test("§13 strict: every partition keeps its order where every step is asynchronous", async (world) => {
    const topic = await world.topic({
      partitions: 3,
      validator: ({ n }: Numbered) => dawdle(n),
      partitionSelector: async ({ n }) => (await dawdle(n + 5), n % 3),
      serializer: {
        form: "text",
        serialize: async (metadata: Numbered) => (await dawdle(metadata.n + 9), JSON.stringify(metadata)),
        deserialize: (written: string) => JSON.parse(written) as Numbered,
      },
    });
    const producer = topic.producer({ batchSize: 5, maxBatches: 4, concurrency: 16 });
    const futures = upTo(300).map((n) => producer.push({ n }));
    await world.within("the events to be stored", Promise.all([...futures, producer.flush()]));

    const events = await world.read(topic);
    same(events.length, 300, "How many events there are");
    for (const partition of upTo(3)) {
      const numbers = numbersOf(events.filter((event) => event.partition === partition));
      same(
        numbers,
        upTo(100).map((i) => 3 * i + partition),
        `The events of partition ${partition}`,
      );
    }
  });

  test("§13 strict: a rejected event does not disturb the order of the others", async (world) => {
    const topic = await world.topic({
      partitions: 1,
      validator: async ({ n }: Numbered) => {
        await dawdle(n);
        if (n % 5 === 2) throw new Error("unlucky");
      },
    });
    const producer = topic.producer({ concurrency: 8 });
    const futures = upTo(50).map((n) => producer.push({ n }));
    const outcomes = await world.within("the events to be settled", Promise.allSettled(futures));

    const accepted = upTo(50).filter((n) => n % 5 !== 2);
    same(
      outcomes.flatMap(({ status }, n) => (status === "fulfilled" ? [n] : [])),
      accepted,
      "The events that were accepted",
    );
    same(numbersOf(await world.read(topic)), accepted, "The events that were stored");
  });

  test("§13 strict: several batches in flight are stored in order", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 3, maxBatches: 6, name: "ordered" });
    await world.store(producer, 500);

    same(numbersOf(await world.read(topic)), upTo(500), "The events");
  });

  test("§13 concurrency bounds the work that overlaps", async (world) => {
    let running = 0;
    let most = 0;
    const topic = await world.topic({
      validator: async ({ n }: Numbered) => {
        most = Math.max(most, ++running);
        await dawdle(n + 1);
        running--;
      },
    });
    await world.store(topic.producer({ concurrency: 3 }), 40);

    between(most, 2, 3, "How many validators ran at once");
    ok(running === 0, "A validator is still running");
  });
}
