// An async iterable is pulled no faster than the backend stores, so a fast source in front of a slow backend fills no
// memory. The slow backend is the one in memory with a pause before each answer: a backend is a small interface, and a
// scheme of one's own takes three lines.

import { delay, from, lastValueFrom, map, take, tap } from "rxjs";
import {
  connect,
  registerBackend,
  type Backend,
  type BackendPartition,
  type BackendTopic,
  type EventInput,
} from "sluice";
import { produce } from "sluice/operators";
import { memoryBackend } from "sluice/backends/memory";

const pause = 5;

function slowPartition(partition: BackendPartition): BackendPartition {
  return {
    index: partition.index,
    append: (batch) => from(partition.append(batch)).pipe(delay(pause)),
    read: (position, limits) => partition.read(position, limits),
    fetch: (reads) => partition.fetch(reads),
    bounds: () => partition.bounds(),
    find: (time) => partition.find(time),
  };
}

function slowTopic(topic: BackendTopic): BackendTopic {
  const { name, config } = topic;
  return {
    name,
    config,
    partitions: topic.partitions.map(slowPartition),
    addPartitions: (count) => topic.addPartitions(count),
    seal: () => topic.seal(),
    join: (consumer, options) => topic.join(consumer, options),
    cursors: (consumer) => topic.cursors(consumer),
  };
}

function slowBackend(): Backend {
  const memory = memoryBackend();
  return {
    capabilities: memory.capabilities,
    createTopic: (name, config) => from(memory.createTopic(name, config)).pipe(map(slowTopic)),
    openTopic: (name) => from(memory.openTopic(name)).pipe(map(slowTopic)),
    listTopics: () => memory.listTopics(),
    deleteTopic: (name) => memory.deleteTopic(name),
    close: () => memory.close(),
  };
}

registerBackend("slow", slowBackend);
const driver = await connect("slow:");
const topic = await driver.createTopic<{ n: number }>("readings");

let pulled = 0;
let stored = 0;
let mostWaiting = 0;

/** Ready at once, and without an end of its own. */
async function* readings(): AsyncGenerator<EventInput<{ n: number }>> {
  for (;;) yield { metadata: { n: pulled++ }, data: new Uint8Array(1000) };
}

const receipts$ = produce(topic, { batchSize: 20, maxBatches: 3 })(readings()).pipe(
  tap(() => {
    stored++;
    mostWaiting = Math.max(mostWaiting, pulled - stored);
  }),
  take(1000),
);
const start = performance.now();
await lastValueFrom(receipts$);
const took = performance.now() - start;

console.log(`${stored} events stored in ${Math.round(took)} ms, 20 to a batch, ${pause} ms a batch`);
console.log(`The source never was more than ${mostWaiting} events ahead: three batches of 20 may be on their way`);
await driver.close();
