import { randomUUID } from "node:crypto";
import { connect, type Driver } from "../../src/index.ts";
import type { KafkaConnectOptions } from "../../backends/kafka/index.ts";
import type { BackendUnderTest } from "../conformance/index.ts";

/** What the suite asks of a connection: to hear soon of everything. */
export const impatient: KafkaConnectOptions = {
  heartbeatInterval: 60,
  metadataMaxAge: 1000,
  fetchWait: 100,
  sessionTimeout: 10_000,
  retryTimeout: 20_000,
};

/** How many characters the namespace of a test puts in front of a name, with its dot. */
export const namespaceLength = 9;

/** Topics and groups of one test: a namespace of its own in the cluster that all share. */
export async function kafkaUnderTest(brokers: string, options: KafkaConnectOptions = {}): Promise<BackendUnderTest> {
  const own = randomUUID().slice(0, namespaceLength - 1);
  const open = (): Promise<Driver> =>
    connect(`kafka://${brokers}/`, { ...impatient, namespace: own, groupPrefix: `${own}-`, ...options });
  return {
    connect: open,
    reopen: open,
    destroy: async () => {
      const driver = await open();
      for (const name of await driver.listTopics()) await driver.deleteTopic(name);
      await driver.close();
    },
  };
}
