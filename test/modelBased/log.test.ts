import test from "ava";
import { trials } from "../log/trials.ts";
import { modelBased } from "./modelBased.ts";
import { simulatedLog } from "./simulatedLog.ts";

modelBased({
  test,
  label: "log, disk, small segments",
  make: () => simulatedLog({ durability: "disk", segmentBytes: 3000 }),
  sequences: trials({ quick: 600, crash: 1500, soak: 60_000 }),
});

modelBased({
  test,
  label: "log, os",
  make: () => simulatedLog({ durability: "os", segmentBytes: 1 << 20 }),
  sequences: trials({ quick: 300, crash: 800, soak: 40_000 }),
});
