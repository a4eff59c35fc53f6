import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { logCapabilities, type LogOptions } from "../../backends/log/index.ts";
import { connect as connectTo } from "../../src/index.ts";
import { conformance, type TopicShape } from "../conformance/index.ts";

const encryption = { keyId: "test", key: () => new Uint8Array(32).fill(7) };
const shapes: Readonly<Record<string, { readonly topic: TopicShape; readonly options?: LogOptions }>> = {
  "log, 1 partition": { topic: { partitions: 1 } },
  "log, 3 partitions, small segments": { topic: { partitions: 3 }, options: { segmentBytes: 4096 } },
  "log, os, encrypted": { topic: { partitions: 2 }, options: { durability: "os", encryption } },
};

for (const [label, { topic, options = {} }] of Object.entries(shapes)) {
  conformance({
    test,
    label,
    topic,
    capabilities: { ...logCapabilities, durability: options.durability ?? "disk" },
    backend: async () => {
      const directory = await mkdtemp(join(tmpdir(), "sluice-log-"));
      const connect = () => connectTo(`log:${directory}`, { ...options });
      return { connect, reopen: connect, destroy: () => rm(directory, { recursive: true, force: true }) };
    },
  });
}
