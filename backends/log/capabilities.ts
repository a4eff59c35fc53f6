import type { Capabilities } from "../../src/model/backend.ts";

/** What the log can do. */
export const logCapabilities: Capabilities = {
  durability: "disk",
  persistent: true,
  contiguousIds: true,
  idempotent: true,
  groups: true,
  seal: true,
  addPartitions: true,
  findByTime: true,
  partialData: true,
  compaction: true,
  nextSequence: true,
  exactlyOnce: true,
};
