// Collisions of particles: each has an energy below 100, and the readings of a detector as its data.
// A topic with a validator, a partition selector and a serializer of its own, a producer, and a consumer that brings the
// readings of the energetic collisions only.

import { lastValueFrom, map, range, reduce, tap } from "rxjs";
import { connect, isSluiceError, packed } from "sluice";
import { acknowledgeEvery, consume, produce } from "sluice/operators";

interface Collision {
  energy: number;
}

const driver = await connect(process.argv[2] ?? "memory:");

// An integer from 0 to 99 needs seven bits, so the packed metadata of a collision takes one byte.
const serializer = packed({
  type: "object",
  properties: { energy: { type: "integer", minimum: 0, maximum: 99 } },
  required: ["energy"],
});
const metadata = await serializer.serialize({ energy: 42 });
console.log(`The metadata of a collision takes ${metadata.length} byte`);

// The validator and the partition selector are modules: the topic stores their names, and whoever opens it loads them
// again.
const created = await driver.createTopic<Collision>("collisions", {
  partitions: 3,
  validator: { type: "energyValidator:./collisions/energyValidator.js", max: 100 },
  partitionSelector: { type: "energySelector:./collisions/energySelector.js", max: 100 },
  serializer,
  baseUrl: import.meta.url,
});

// The producer. The last ten collisions have too much energy: they are rejected, and nothing else is lost with them.
const collisions$ = range(0, 110).pipe(
  map((energy) => ({ metadata: { energy }, data: new Uint8Array(256).fill(energy) })),
);
const rejected: string[] = [];
const receipts$ = collisions$.pipe(
  produce(created, {
    batchSize: 16,
    rejected: { next: ({ error }) => rejected.push(isSluiceError(error) ? error.message : String(error)) },
  }),
);
const stored = await lastValueFrom(receipts$.pipe(reduce((count) => count + 1, 0)));
console.log(`${stored} collisions stored, ${rejected.length} rejected: ${rejected[0]}`);

// The consumer, as another program would write it: it knows the topic by its name alone.
const topic = await driver.openTopic<Collision>("collisions", { baseUrl: import.meta.url });
const events$ = consume(topic, "app2", {
  dataSelector: ({ energy }, readings) => (energy > 20 ? readings : null),
  dataAllocator: (_, readings) => new Uint8Array(readings.size),
  until: "end",
});
const counts = { events: 0, withData: 0, bytes: 0 };
await lastValueFrom(
  events$.pipe(
    tap(({ data }) => {
      counts.events++;
      if (data.size > 0) counts.withData++;
      counts.bytes += data.size;
    }),
    acknowledgeEvery(10),
  ),
);
console.log(
  `${counts.events} collisions consumed, ${counts.withData} of them with their readings: ${counts.bytes} bytes moved`,
);

const { partitions } = await topic.lag("app2");
for (const { partition, position = 0, end } of partitions) {
  console.log(`Partition ${partition}: ${end} collisions, acknowledged up to ${position}`);
}
await driver.close();
