// Writes by a driver, as programs do, until it is killed: see kill.test.ts. What it says has been acknowledged.
import { writeSync } from "node:fs";
import { connect } from "sluice";

const [directory = "", seed = "0"] = process.argv.slice(2);
const driver = await connect(`log:${directory}`, { segmentBytes: 40_000 });
const topic = (await driver.topicExists("t"))
  ? await driver.openTopic<{ n: number }>("t")
  : await driver.createTopic<{ n: number }>("t");
const { partitions } = await topic.describe();
let n = partitions[0]!.end;
writeSync(1, `open ${n}\n`);
const producer = topic.producer({ name: "p", batchSize: Number(seed) % 2 === 0 ? "adaptive" : 7, linger: 1 });
const consumer = topic.consumer("app");
let seen = 0;
consumer.subscribe((event) => {
  if (event.metadata.n !== event.id) writeSync(1, `altered ${event.id} ${event.metadata.n}\n`);
  if (++seen % 5 === 0)
    event.acknowledge().then(
      () => writeSync(1, `cursor ${event.id + 1}\n`),
      () => undefined,
    );
});
for (;;) {
  const data = n % 11 === 0 ? new Uint8Array(n % 9000).fill(n) : undefined;
  producer.push({ n }, data).then(
    (id) => writeSync(1, `stored ${id}\n`),
    () => undefined,
  );
  n++;
  if (!producer.isReady) await producer.ready;
  if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
