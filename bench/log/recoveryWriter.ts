import { connect } from "sluice";
import { reading, type Reading } from "../events.ts";

const [directory, count, data] = process.argv.slice(2);
const driver = await connect(`log:${directory}`);
const topic = await driver.createTopic<Reading>("bench");
const producer = topic.producer({ maxBufferedBytes: 256 << 20 });
const bytes = Number(data) === 0 ? undefined : new Uint8Array(Number(data)).fill(7);
for (let i = 0; i < Number(count); i++) {
  producer.push(reading(i), bytes);
  if (!producer.isReady) await producer.ready;
}
await producer.flush();
process.send!("stored");
