// Reads TAP on standard input, repeats what failed and closes with "N passed, N failed".
// Exits 1 when a test failed or crashed, when the run bailed out, and when no test ran.

import { createInterface } from "node:readline";

let passed = 0;
let failed = 0;
let skipped = 0;
let planned = false;
let bailedOut = false;
let insideFailure = false;

for await (const line of createInterface({ input: process.stdin })) {
  const result = /^(not )?ok \d+/.exec(line);
  if (/^1\.\.\d+/.test(line)) planned = true;

  if (result !== null) {
    const isSkipped = /# (SKIP|TODO)/i.test(line);
    const isFailure = result[1] !== undefined && !isSkipped;
    if (isSkipped) skipped++;
    else if (isFailure) failed++;
    else passed++;
    insideFailure = isFailure;
    if (isFailure) console.log(line);
  } else if (line.startsWith("Bail out!")) {
    bailedOut = true;
    console.log(line);
  } else if (insideFailure) {
    console.log(line);
    if (/^\s*\.\.\.$/.test(line)) insideFailure = false;
  }
}

// A run that ended before its plan, or bailed out with no failed test to show, must not read as a clean one.
if (failed === 0 && (bailedOut || !planned)) failed = 1;

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
