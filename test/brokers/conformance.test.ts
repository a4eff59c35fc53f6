import test from "ava";
import { kafkaCapabilities } from "../../backends/kafka/index.ts";
import { conformance, type TopicShape } from "../conformance/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { kafkaUnderTest, namespaceLength } from "./kafkaUnderTest.ts";
import { takingTurns } from "./takingTurns.ts";

const shapes: Readonly<Record<string, { readonly topic: TopicShape; readonly options?: object }>> = {
  "kafka, 1 partition": { topic: { partitions: 1 } },
  "kafka, 3 partitions, chunks, zstd": {
    topic: { partitions: 3 },
    options: { inlineBytes: 64, chunkBytes: 10_000, compression: "zstd" },
  },
};

/** Registers the tests of some promises only. */
function only(promises: readonly string[], register: ReturnType<typeof takingTurns>): ReturnType<typeof takingTurns> {
  return (title, body) => {
    if (promises.includes(title.slice(0, title.indexOf(" ")))) register(title, body);
  };
}

conformance({
  test: only(["§21", "§35"], takingTurns(test, 6)),
  label: "kafka, groups by the protocol of KIP-848",
  capabilities: kafkaCapabilities,
  deadline: 30_000,
  idle: 1500,
  longestName: 249 - namespaceLength,
  backend: () => kafkaUnderTest(brokersUnderTest(), { groupProtocol: "consumer" }),
});

for (const [label, { topic, options = {} }] of Object.entries(shapes)) {
  conformance({
    test: takingTurns(test, 6),
    label,
    topic,
    capabilities: kafkaCapabilities,
    deadline: 30_000,
    idle: 1500,
    longestName: 249 - namespaceLength,
    backend: () => kafkaUnderTest(brokersUnderTest(), options),
  });
}
