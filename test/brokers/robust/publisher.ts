// node publisher.ts <brokers> <topic> <directory> <run> <options as JSON>
// Publishes numbers through a journal until it is killed. It says on its output which were accepted by the journal.

import { writeSync } from "node:fs";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";
import { connect } from "../../../src/index.ts";

const [brokers = "", name = "", directory = "", run = "", options = ""] = process.argv.slice(2);
const driver = await connect(`kafka://${brokers}/`, { ...(JSON.parse(options) as KafkaConnectOptions) });
const topic = await driver.openTopic<{ n: number; run: string }>(name);
const producer = await topic.robustProducer({ journal: `${directory}/journal`, maxBatchEvents: 20 });
for (let n = 0; ; n++) {
  const { accepted } = producer.push({ n, run });
  accepted.then(
    () => writeSync(1, `accepted ${n}\n`),
    () => undefined,
  );
  if (n % 20 === 0) await accepted;
  if (!producer.isReady) await producer.ready;
}
