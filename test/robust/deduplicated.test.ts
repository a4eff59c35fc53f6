import test from "ava";
import { defer, from, lastValueFrom, map, tap, toArray } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { consume, deduplicate } from "../../operators/index.ts";
import type { Backend, BackendPartition, BackendTopic, ProducerRun, ProducerSequence } from "../../src/index.ts";
import { addRun } from "../../src/model/producerRuns.ts";
import { upTo, worldOf } from "./support.ts";

/** A backend that keeps who has sent an event, and stores it as often as it comes: one that has no sequences, or has forgotten them. */
function forgetfulBackend(): Backend {
  const backend = memoryBackend();
  return {
    ...backend,
    capabilities: { ...backend.capabilities, idempotent: false, nextSequence: false },
    createTopic: (name, config) => from(backend.createTopic(name, config)).pipe(map(forgetfulTopic)),
    openTopic: (name) => from(backend.openTopic(name)).pipe(map(forgetfulTopic)),
  };
}

function forgetfulTopic(topic: BackendTopic): BackendTopic {
  return {
    name: topic.name,
    config: topic.config,
    partitions: topic.partitions.map(forgetfulPartition),
    addPartitions: (count) => topic.addPartitions(count),
    seal: () => topic.seal(),
    join: (consumer, options) => topic.join(consumer, options),
    cursors: (consumer) => topic.cursors(consumer),
  };
}

function forgetfulPartition(partition: BackendPartition): BackendPartition {
  const senders = new Map<number, ProducerSequence>();
  return {
    index: partition.index,
    bounds: () => partition.bounds(),
    fetch: (reads) => partition.fetch(reads),
    find: (time) => partition.find(time),
    append: ({ producer, ...batch }) =>
      defer(() => from(partition.append(batch))).pipe(
        tap(({ firstId }) => {
          if (producer === undefined) return;
          for (const i of upTo(batch.count))
            senders.set(firstId + i, { id: producer.id, sequence: producer.sequence + i });
        }),
      ),
    read: (position, limits) =>
      from(partition.read(position, limits)).pipe(
        map((batch) => {
          const producers: ProducerRun[] = [];
          for (const i of upTo(batch.count)) addRun(producers, i, senders.get(batch.firstId + i));
          return { ...batch, producers };
        }),
      ),
  };
}

test("consumers drop what was sent twice, over restarts of the producer, where the backend cannot", async (t) => {
  const world = await worldOf({ partitions: 2, partitionSelector: ({ n }) => n % 2 }, { backend: forgetfulBackend() });
  let answers = 0;
  world.faults.append.loseAnswer(new Error("connection reset"), { when: () => ++answers % 3 !== 0 });
  for (const session of upTo(4)) {
    const producer = await world.open({ maxBatchEvents: 7 });
    for (const n of upTo(50, 50 * session)) producer.push({ n });
    await producer.flush();
    await producer.close({ deadline: session * 5 }); // Some of it is left to the next one, which sends it again.
  }
  const last = await world.open();
  await last.drain();
  await last.close();
  const stored = (await world.stored()).flat();
  const events = await lastValueFrom(consume(world.topic, "sums", { until: "end" }).pipe(deduplicate(), toArray()));
  const seen = (partition: number) =>
    events.filter((event) => event.partition === partition).map(({ metadata }) => metadata.n);
  t.true(stored.length > 200, `${stored.length} were stored`);
  t.deepEqual(
    seen(0),
    upTo(100).map((i) => 2 * i),
  );
  t.deepEqual(
    seen(1),
    upTo(100).map((i) => 2 * i + 1),
  );
});
