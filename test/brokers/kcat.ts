import test from "ava";
import { hasTool } from "../support/tools.ts";

const isThere = await hasTool("kcat", "kcat");

if (!isThere) console.error("kcat is not there and could not be installed, so what it reads and writes is not tested");

/** A test that needs kcat. It is skipped where that cannot be had. */
export const testWithKcat = isThere ? test : test.skip;
