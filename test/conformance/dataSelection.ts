import { consume } from "../../operators/index.ts";
import { ok, rejects, same } from "./assert.ts";
import { spyOn } from "./spyOn.ts";
import { numbersOf, someBytes, upTo, type Numbered, type Suite } from "./world.ts";
import type { DataDescriptor, Topic } from "../../src/index.ts";

/** §22 and §23: which data is brought, and where it is put. @internal */
export function dataSelection({ test, can }: Suite): void {
  const bytesOf = (n: number) => someBytes(100 + n, n);

  async function filled(world: Parameters<Parameters<typeof test>[1]>[0], count: number): Promise<Topic<Numbered>> {
    const topic = await world.topic({ partitions: 1 });
    const producer = topic.producer({ batchSize: 3 });
    for (const n of upTo(count)) producer.push({ n }, [bytesOf(n).subarray(0, 33), bytesOf(n).subarray(33)]);
    await world.within("the events to be stored", producer.flush());
    return topic;
  }

  test("§22 the selector decides for each event: all of its data, a view, or none", async (world) => {
    const topic = await filled(world, 9);
    const asked: [number, number][] = [];
    const events = await world.read(topic, {
      dataSelector: ({ n }, descriptor) => {
        asked.push([n, descriptor.size]);
        return [descriptor, descriptor.makeSubView(10 + n, 20), null][n % 3];
      },
    });

    same(
      asked,
      upTo(9).map((n) => [n, 100 + n]),
      "What the selector was asked",
    );
    for (const { metadata, data } of events) {
      const { n } = metadata;
      const expected = [bytesOf(n), bytesOf(n).subarray(10 + n, 30 + n), new Uint8Array(0)][n % 3];
      same(data.toUint8Array(), expected, `The data of event ${n}`);
    }
  });

  test("§22 only the selected bytes are asked of the backend", async (world) => {
    const { topic, seen } = spyOn(await filled(world, 6));
    const selected$ = consume(topic, "reader", {
      until: "end",
      dataSelector: ({ n }, descriptor) => (n === 4 ? descriptor.makeSubView(5, 7) : null),
    });
    const events = await world.all(selected$, "the events");

    same(seen.fetched, 7, "The bytes that were asked for");
    same(events[4]!.data.toUint8Array(), bytesOf(4).subarray(5, 12), "The data");
  });

  test("§22 without a selector no data is moved, and an event can still fetch it", async (world) => {
    const watched = spyOn(await filled(world, 3));
    const events = await world.all(consume(watched.topic, "reader", { until: "end" }), "the events");
    same(watched.seen.fetched, 0, "The bytes that were moved");
    same(
      events.map(({ data }) => data.size),
      [0, 0, 0],
      "The sizes of the data that came along",
    );

    for (const [n, event] of events.entries()) {
      same((await world.within("the data", event.fetchData())).toUint8Array(), bytesOf(n), `The data of event ${n}`);
      const view = event.descriptor.makeSubView(n, 10);
      same(
        (await world.within("a view", event.fetchData(view))).toUint8Array(),
        bytesOf(n).subarray(n, n + 10),
        `A view of event ${n}`,
      );
    }
  });

  test("§22 a view is fetched as the view, not as the whole data", async (world) => {
    const topic = await filled(world, 4);
    const events = await world.read(topic, { dataSelector: (_, descriptor) => descriptor.makeStridedView(3, 5, 2, 7) });

    same(
      events.map(({ data }) => data.size),
      [10, 10, 10, 10],
      "The sizes of the views",
    );
    for (const { metadata, data } of events) {
      const expected = upTo(5).flatMap((i) => [...bytesOf(metadata.n).subarray(3 + 9 * i, 5 + 9 * i)]);
      same([...data.toUint8Array()], expected, `The view of event ${metadata.n}`);
    }
    ok(can.partialData || events.length === 4, "The views must be right also where all of the data is moved");
  });

  test("§22 the selector may be asynchronous, and events stay in order", async (world) => {
    const topic = await filled(world, 6);
    const events = await world.read(topic, {
      batchSize: 6,
      dataSelector: async ({ n }, descriptor) => {
        for (let turn = 6 - n; turn > 0; turn--) await Promise.resolve();
        return n % 2 === 0 ? descriptor : undefined;
      },
    });

    same(numbersOf(events), upTo(6), "The events");
    same(
      events.map(({ data }) => data.size),
      [100, 0, 102, 0, 104, 0],
      "The sizes of their data",
    );
  });

  test("§22 a selector that returns a descriptor of another event fails the stream", async (world) => {
    const topic = await filled(world, 3);
    let first: DataDescriptor | undefined;
    const reading = world.read(topic, { dataSelector: (_, descriptor) => (first ??= descriptor) });

    await rejects(reading, "ERR_DESCRIPTOR", "The stream");
    await rejects(world.read(topic, { dataSelector: () => 7 as never }), TypeError, "A selector that returns a number");
    await rejects(
      world.read(topic, {
        dataSelector: () => {
          throw new RangeError("no idea");
        },
      }),
      RangeError,
      "A selector that throws",
    );
  });

  test("§23 the allocator is asked with the selected descriptor, and its memory is filled", async (world) => {
    const topic = await filled(world, 4);
    const memory = upTo(4).map(() => [new Uint8Array(7), new Uint8Array(8)]);
    const asked: [number, number][] = [];
    const events = await world.read(topic, {
      dataSelector: (_, descriptor) => descriptor.makeSubView(20, 15),
      dataAllocator: ({ n }, descriptor) => (asked.push([n, descriptor.size]), memory[n]!),
    });

    same(
      asked,
      upTo(4).map((n) => [n, 15]),
      "What the allocator was asked",
    );
    for (const n of upTo(4)) {
      same(
        memory[n]!.flatMap((segment) => [...segment]),
        [...bytesOf(n).subarray(20, 35)],
        `The memory of event ${n}`,
      );
      same(
        events[n]!.data.segments.map(
          (segment) => segment.buffer === memory[n]![0]!.buffer || segment.buffer === memory[n]![1]!.buffer,
        ),
        [true, true],
        "Whether the data is in that memory",
      );
      same(events[n]!.data.toUint8Array(), bytesOf(n).subarray(20, 35), `The data of event ${n}`);
    }
  });

  test("§23 the allocator may be asynchronous, and give more than is needed", async (world) => {
    const topic = await filled(world, 3);
    const events = await world.read(topic, {
      dataSelector: (_, descriptor) => descriptor,
      dataAllocator: async () => {
        await Promise.resolve();
        return new Uint8Array(1000);
      },
    });

    same(
      events.map(({ data }) => data.toUint8Array()),
      upTo(3).map(bytesOf),
      "The data",
    );
  });

  test("§23 an allocator that gives too little fails the stream", async (world) => {
    const topic = await filled(world, 1);
    const reading = world.read(topic, {
      dataSelector: (_, descriptor) => descriptor,
      dataAllocator: () => new Uint8Array(99),
    });

    await rejects(reading, "ERR_ALLOCATION", "The stream");
  });

  test("§23 nothing is allocated for events of which nothing was selected", async (world) => {
    const topic = await filled(world, 4);
    const asked: number[] = [];
    await world.read(topic, {
      dataSelector: ({ n }, descriptor) => (n === 2 ? descriptor : null),
      dataAllocator: ({ n }, { size }) => (asked.push(n), new Uint8Array(size)),
    });

    same(asked, [2], "The events that memory was asked for");
  });
}
