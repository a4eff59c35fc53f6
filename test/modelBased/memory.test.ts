import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { trials } from "../log/trials.ts";
import { modelBased } from "./modelBased.ts";

modelBased({
  test,
  label: "memory",
  make: async () => ({ backend: memoryBackend(), dropsLate: false, dispose: async () => {} }),
  sequences: trials({ quick: 300, crash: 1000, soak: 10_000 }),
});
