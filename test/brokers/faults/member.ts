// node member.ts <brokers> <topic> <consumer> <options as JSON>
// Members of a group in a process of its own, so that it can be killed and stopped. It writes down what it sees, a line a happening:
//
//   p <nanoseconds> <session> <partition> <id> <value>     an event was delivered
//   a <nanoseconds> <session> <partition> <id>             its acknowledgement was answered
//
// A line "join" on its standard input begins another consumer of the name, and "leave" closes the oldest one; at the end of the
// input all leave, and it ends.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";
import { connect, type Consumer } from "../../../src/index.ts";
import type { Value } from "./workload.ts";

const [brokers, topicName, name, options] = process.argv.slice(2) as [string, string, string, string];
const driver = await connect(`kafka://${brokers}/`, { ...(JSON.parse(options) as KafkaConnectOptions) });
const topic = await driver.openTopic<Value>(topicName);
let sessions = 0;

function say(...words: readonly (string | number)[]): void {
  const [what, ...rest] = words;
  writeSync(1, `${what} ${process.hrtime.bigint()} ${rest.join(" ")}\n`); // Not buffered: what was seen is known even when the process is killed.
}

function begin(): Consumer<Value> {
  const consumer = topic.consumer(name);
  const own = new Map<number, string>();
  consumer.status.subscribe(({ partitions }) => {
    for (const partition of own.keys()) if (!partitions.includes(partition)) own.delete(partition);
  });
  consumer.subscribe({
    next: (event) => {
      const session = own.get(event.partition) ?? `${process.pid}-${sessions++}`;
      own.set(event.partition, session);
      say("p", session, event.partition, event.id, event.metadata.value);
      event.acknowledge().then(
        () => say("a", session, event.partition, event.id),
        () => undefined, // It was fenced: somebody else has the partition.
      );
    },
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  });
  return consumer;
}

const consumers = [begin()];
for await (const command of createInterface({ input: process.stdin })) {
  if (command === "join") consumers.push(begin());
  else await consumers.shift()?.close({ deadline: 1000 });
}
await Promise.all(consumers.map((consumer) => consumer.close({ deadline: 1000 })));
await driver.close();
