import type { Compaction, SluiceError, Topic } from "../../src/index.ts";
import { ok, rejects, same } from "./assert.ts";
import { someBytes, type Suite, type World } from "./world.ts";

/** An event of a topic that is compacted: its key, a value, and whether its key is gone with it. */
interface Keyed {
  readonly key: string;
  readonly value: number;
  readonly gone?: boolean;
}

const compaction: Compaction = { key: "/key", tombstone: "gone" };

/** §2 and §6, of topics that are compacted. @internal */
export function compacting({ test, can }: Suite): void {
  if (can.compaction !== true) {
    test("§2 a topic that is to be compacted is refused with ERR_UNSUPPORTED", async (world) => {
      await rejects(world.driver.createTopic(world.name("topic"), { compaction }), "ERR_UNSUPPORTED", "Its creation");
    });
    return;
  }

  test("§2 the newest event of each key stays, and every event that is left has its own id, metadata and data", async (world) => {
    const topic = await world.topic<Keyed>({ compaction });
    const stored = await storeRounds(world, topic, 400);

    for (const reading of ["at once", "again"]) {
      const events = await world.read(topic, { dataSelector: (_, descriptor) => descriptor });
      const seen = new Map<string, number>();
      const last = new Map<number, number>();
      for (const event of events) {
        const pushed = stored.get(`${event.partition}/${event.id}`);
        same(event.metadata, pushed, `The metadata of event ${event.id}, read ${reading}`);
        same(event.data.toUint8Array(), someBytes(event.metadata.value % 50), `The data of event ${event.id}`);
        ok(event.id > (last.get(event.partition) ?? -1), `Event ${event.id} came after ${last.get(event.partition)}`);
        last.set(event.partition, event.id);
        seen.set(event.metadata.key, event.metadata.value);
      }
      for (let key = 0; key < 7; key++) {
        const newest = 399 - ((399 - key) % 7);
        same(seen.get(`k${key}`), newest, `The newest value of key ${key}, read ${reading}`);
      }
    }
  });

  test("§2 events of one key go to one partition", async (world) => {
    const topic = await world.topic<Keyed>({ compaction, partitions: 3 });
    const stored = await storeRounds(world, topic, 60);

    const partitions = new Map<string, Set<string>>();
    for (const [place, { key }] of stored) {
      const known = partitions.get(key) ?? new Set();
      partitions.set(key, known.add(place.split("/")[0]!));
    }
    ok(
      [...partitions.values()].every(({ size }) => size === 1),
      "A key is in several partitions",
    );
  });

  test("§6 an event without a key is refused by a topic that is compacted, and the others are stored", async (world) => {
    const topic = await world.topic<Keyed>({ compaction });
    const producer = topic.producer({ batchSize: 3 });
    const good = producer.push({ key: "a", value: 1 });
    const bad = producer.push({ value: 2 } as Keyed, undefined, { partition: 0 });
    const other = producer.push({ key: "b", value: 3 });
    producer.flush().catch(() => undefined);

    const error = await rejects(bad, "ERR_INVALID_METADATA", "The push");
    same((error as SluiceError).details["path"], "/key", "The path in the error");
    await world.within("the others to be stored", Promise.all([good, other]));
    const events = await world.read(topic);
    const values = new Set(events.map((event) => event.metadata.value));
    same([values.size, values.has(1), values.has(3)], [2, true, true], "The values");
  });
}

/** Stores values of seven keys in turn, and returns what was pushed by partition and id. */
async function storeRounds(world: World, topic: Topic<Keyed>, count: number): Promise<Map<string, Keyed>> {
  const producer = topic.producer({ batchSize: 5, name: "writer" });
  const stored = new Map<string, Keyed>();
  const events = Array.from({ length: count }, (_, value) => ({ key: `k${value % 7}`, value }));
  const futures = events.map((event) => producer.push(event, someBytes(event.value % 50)));
  void producer.flush();
  const ids = await world.within("the events to be stored", Promise.all(futures));
  const { partitions } = await topic.describe();
  const of = partitions.length === 1 ? () => 0 : await partitionsOf(world, topic);
  for (const [i, event] of events.entries()) stored.set(`${of(event.key)}/${ids[i]}`, event);
  return stored;
}

/** In which partition each key is read. */
async function partitionsOf(world: World, topic: Topic<Keyed>): Promise<(key: string) => number> {
  const known = new Map((await world.read(topic)).map((event) => [event.metadata.key, event.partition]));
  return (key) => known.get(key)!;
}
