import test from "ava";
import { memoryCapabilities } from "../../backends/memory/index.ts";
import { connect } from "../../src/index.ts";
import { conformance, type TopicShape } from "../conformance/index.ts";

const shapes: Readonly<Record<string, TopicShape>> = {
  "memory, 1 partition": { partitions: 1 },
  "memory, 3 partitions": { partitions: 3 },
  "memory, CBOR": { partitions: 2, serializer: { type: "cbor" } },
};

let stores = 0;

for (const [label, topic] of Object.entries(shapes)) {
  conformance({
    test,
    label,
    topic,
    capabilities: memoryCapabilities,
    backend: async () => {
      // A store with a name is one that every driver of the process shares, so a second connection sees the same topics.
      const url = `memory:conformance-${stores++}`;
      return {
        url,
        destroy: async () => {
          const driver = await connect(url);
          for (const name of await driver.listTopics()) await driver.deleteTopic(name);
          await driver.close();
        },
      };
    },
  });
}
