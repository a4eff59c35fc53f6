import { spawnSync } from "node:child_process";
import test from "ava";

const isThere = spawnSync("kcat", ["-V"]).error === undefined;

if (!isThere) console.error("kcat is not installed, so what it reads and writes is not tested");

/** A test that needs kcat. It is skipped where that is not installed. */
export const testWithKcat = isThere ? test : test.skip;
