import { same, ok, between } from "./assert.ts";
import { numbersOf, pushNumbers, someBytes, upTo, type Suite } from "./world.ts";

/** §1 to §3: what an event is, its id, and the order in which events are read. @internal */
export function events({ test, can }: Suite): void {
  test("§1 metadata comes back as it was pushed", async (world) => {
    const topic = await world.topic<unknown>();
    const metadata = [
      null,
      true,
      0,
      -1.5,
      2 ** 40,
      "",
      'Ω 😀 \u0000 "\\',
      [],
      {},
      [1, [2, { a: null }]],
      { "": { ключ: ["ü"] } },
    ];
    const producer = topic.producer({ batchSize: 4 });
    for (const each of metadata) producer.push(each, undefined, { partition: 0 });
    await world.within("the events to be stored", producer.flush());

    same(
      (await world.read(topic)).map((event) => event.metadata),
      metadata,
      "The metadata",
    );
  });

  test("§1 data of several segments comes back byte for byte", async (world) => {
    const topic = await world.topic();
    const memory = someBytes(100);
    const segments = [memory.subarray(10, 20), memory.subarray(50, 51), memory.subarray(0, 7)];
    await world.within("the push", topic.producer().push({ n: 0 }, segments));

    const [event] = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    ok(event !== undefined, "The event was not read");
    same(event.descriptor.size, 18, "The size of the data");
    same(event.data.toUint8Array(), Uint8Array.from(segments.flatMap((each) => [...each])), "The data");
  });

  test("§1 data is any kind of bytes", async (world) => {
    const topic = await world.topic();
    const bytes = someBytes(16);
    const shared = new SharedArrayBuffer(16);
    new Uint8Array(shared).set(bytes);
    const inputs = [
      bytes.buffer as ArrayBuffer,
      new DataView(bytes.buffer, 0),
      new Float64Array(bytes.buffer as ArrayBuffer),
      shared,
    ];
    const producer = topic.producer();
    for (const input of inputs) producer.push({ n: 0 }, input, { partition: 0 });
    await world.within("the events to be stored", producer.flush());

    const events = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    same(
      events.map((event) => event.data.toUint8Array()),
      inputs.map(() => bytes),
      "The data",
    );
  });

  test("§1 events with and without data lie side by side", async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 6 });
    const sizes = [0, 5, 0, 0, 300, 1];
    sizes.forEach((size, n) => void producer.push({ n }, size === 0 ? null : someBytes(size, n), { partition: 0 }));
    await world.within("the events to be stored", producer.flush());

    const events = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
    same(
      events.map((event) => event.data.toUint8Array()),
      sizes.map((size, n) => (size === 0 ? new Uint8Array(0) : someBytes(size, n))),
      "The data",
    );
  });

  test("§1 an event of some megabytes is an event like any other", async (world) => {
    const topic = await world.topic();
    const segments = upTo(3).map((n) => someBytes(1 << 20, n));
    await world.within("the push", topic.producer().push({ n: 0 }, segments));

    const [event] = await world.read(topic, { dataSelector: (_, descriptor) => descriptor, maxBytes: 1000 });
    const bytes = event!.data.toUint8Array();
    same(bytes.length, 3 << 20, "The size of the data");
    ok(
      segments.every((segment, n) => segment.every((byte, i) => bytes[(n << 20) + i] === byte)),
      "The data came back changed",
    );
  });

  test("§1 an event says when it was pushed, of which topic and partition it is", async (world) => {
    const topic = await world.topic();
    const before = Date.now();
    await world.store(topic.producer(), 1, 0, 0);
    const after = Date.now();

    const [event] = await world.read(topic);
    between(event!.timestamp, before, after, "The timestamp");
    same([event!.topic, event!.partition], [topic.name, 0], "Topic and partition");
  });

  const numbering = can.contiguousIds ? "start at 0 and have no gaps" : "are increasing integers";
  test(`§2 ids ${numbering}`, async (world) => {
    const topic = await world.topic();
    const producer = topic.producer({ batchSize: 7 });
    await world.store(producer, 20, 0, 0);
    await world.store(topic.producer(), 3, 20, 0);

    const ids = (await world.read(topic)).map((event) => event.id);
    same(ids.length, 23, "How many events there are");
    ok(
      ids.every((id, i) => Number.isSafeInteger(id) && id >= 0 && (i === 0 || id > ids[i - 1]!)),
      `Ids must grow: ${ids.join()}`,
    );
    if (can.contiguousIds) same(ids, upTo(23), "The ids");
  });

  test("§2 the future of a push has the id that consumers see", async (world) => {
    const topic = await world.topic();
    const ids = await world.store(topic.producer({ batchSize: 3 }), 10, 0, 0);

    same(
      (await world.read(topic)).map((event) => event.id),
      ids,
      "The ids",
    );
  });

  test("§2 each partition has ids of its own", async (world) => {
    const topic = await world.topic({ partitions: 2 });
    const producer = topic.producer();
    const first = await world.store(producer, 4, 0, 0);
    const second = await world.store(producer, 4, 4, 1);

    const events = await world.read(topic);
    for (const [partition, ids] of [first, second].entries()) {
      same(
        events.filter((event) => event.partition === partition).map((event) => event.id),
        ids,
        `The ids of partition ${partition}`,
      );
    }
    if (can.contiguousIds) same(first, second, "The ids of the two partitions");
  });

  test("§3 events of a partition are read in the order of their ids", async (world) => {
    const topic = await world.topic({ partitions: 3 });
    const producer = topic.producer({ batchSize: 10, maxBatches: 4 });
    const futures = upTo(300).map((n) => producer.push({ n }, undefined, { partition: n % 3 }));
    await world.within("the events to be stored", Promise.all([...futures, producer.flush()]));

    const events = await world.read(topic, { batchSize: 4 });
    for (const partition of upTo(3)) {
      const mine = events.filter((event) => event.partition === partition);
      same(
        numbersOf(mine),
        upTo(100).map((i) => 3 * i + partition),
        `The events of partition ${partition}`,
      );
      ok(
        mine.every((event, i) => i === 0 || event.id > mine[i - 1]!.id),
        `The ids of partition ${partition} must grow`,
      );
    }
  });

  test("§3 no event is lost or repeated while it is being written and read at once", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 5 });
    const reading = world.take(200, topic.consumer("reader", { batchSize: 3 }), "events");
    pushNumbers(producer, 200);

    same(numbersOf(await reading), upTo(200), "The events");
  });
}
