import test from "ava";
import { memoryCapabilities } from "../../backends/memory/index.ts";
import { MemoryPartition } from "../../backends/memory/partition.ts";
import { connect, EventDraft, packBatch } from "../../src/index.ts";
import { retentionRule } from "../../src/model/retentionRule.ts";
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

test("retention by age also drops what a compaction has left empty", (t) => {
  const partition = new MemoryPartition({
    index: 0,
    compaction: { key: "key" },
    now: () => 1000,
    stored: () => undefined,
  });
  const batch = packBatch(
    Array.from({ length: 64 }, (_, i) => {
      const draft = new EventDraft({ key: `k${i}` });
      return Object.assign(draft, { payload: "{}", key: { key: `k${i}`, isTombstone: false } });
    }),
  );
  for (let round = 0; round < 6; round++) partition.append(batch).subscribe();
  partition.retain(retentionRule({ maxAge: 1 }, Infinity, () => undefined));
  let start = 0;
  partition.bounds().subscribe((bounds) => (start = bounds.start));
  t.is(start, 6 * 64);
});
