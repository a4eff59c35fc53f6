// Loses the power of real file systems under the log, fills them up, and says what it could not do: `npm run test:disks`.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../log/kill/bundle.ts";
import { seed, trials, withoutFailure } from "../log/trials.ts";
import { fullDisk } from "./fullDisk.ts";
import { journalLosses } from "./journalLosses.ts";
import { removeLeftovers, type FileSystem } from "./loopDisk.ts";
import { powerLosses } from "./powerLoss.ts";
import { prepare } from "./prepare.ts";
import { slowZeros } from "./slowZeros.ts";

const losses = trials({ quick: 300, crash: 300, soak: 3000 });
/** Losses of power under robust producers: each of them starts a process, and the log under their journals is that of the others. */
const journals = trials({ quick: 100, crash: 100, soak: 3000 });
/** Losses of power in which a writer that syncs nothing must be found out. */
const control = 10;
const kinds: readonly FileSystem[] = ["ext4", "xfs"];
let [passed, failed, skipped] = [0, 0, 0];

/** Runs a test that says what it has seen, or throws. */
async function test(title: string, missing: string | undefined, work: () => Promise<string>): Promise<void> {
  if (missing !== undefined) {
    skipped++;
    console.log(`skipped: ${title}: ${missing}`);
    return;
  }
  try {
    console.log(`passed: ${title}: ${await work()}`);
    passed++;
  } catch (error) {
    console.log(`FAILED: ${title}: ${error instanceof Error ? error.message : String(error)}`);
    failed++;
  }
}

const { missing, eatMyData } = await prepare();
if (missing === undefined) await removeLeftovers();
const programs = await mkdtemp(join(tmpdir(), "sluice-programs-"));
const writer = join(programs, "killedWriter.mjs");
await bundle(new URL("../log/kill/killedWriter.ts", import.meta.url), writer);
const program = join(programs, "publisher.mjs");
await bundle(new URL("../robust/kill/publisher.ts", import.meta.url), program);

for (const kind of kinds) {
  await test(`${losses} losses of power on ${kind}: nothing that was acknowledged is lost`, missing, async () => {
    const { problems, stored } = await powerLosses({ kind, writer, losses, seed });
    if (problems.length > 0) throw new Error(problems.join("\n"));
    return `${withoutFailure(losses, "losses of power")}, ${stored} events`;
  });
  await test(`on ${kind}, a writer that syncs no segment is found out`, missing, async () => {
    const { problems, losses: needed } = await powerLosses({
      kind,
      writer,
      losses: control,
      seed,
      extra: { sync: "never" },
    });
    if (problems.length === 0) throw new Error(`In ${control} losses of power nothing was missed`);
    return `after ${needed} losses of power: ${problems[0]}`;
  });
  await test(`on ${kind}, eatmydata is found out`, missing ?? eatMyData.missing, async () => {
    const environment = { LD_PRELOAD: eatMyData.library };
    const { problems, losses: needed } = await powerLosses({ kind, writer, losses: control, seed, environment });
    if (problems.length === 0) throw new Error(`In ${control} losses of power nothing was missed`);
    return `after ${needed} losses of power: ${problems[0]}`;
  });
  await test(
    `${journals} losses of power on ${kind} under robust producers: what was accepted is stored, once and in order`,
    missing,
    async () => {
      const { problems, accepted } = await journalLosses({ kind, program, losses: journals, seed });
      if (problems.length > 0) throw new Error(problems.join("\n"));
      return `${withoutFailure(journals, "losses of power")}, ${accepted} events`;
    },
  );
  await test(`on ${kind}, a journal that is not brought to the disk is found out`, missing, async () => {
    const durability = "os";
    const { problems, losses: needed } = await journalLosses({ kind, program, losses: control, seed, durability });
    if (problems.length === 0) throw new Error(`In ${control} losses of power nothing was missed`);
    return `after ${needed} losses of power: ${problems[0]}`;
  });
  await test(
    `on ${kind}, a commit in front of zeros that are still being written survives a loss of power`,
    missing,
    () => slowZeros(kind),
  );
  await test(`on a full ${kind}, a clear error, nothing is lost, and writing goes on when there is room`, missing, () =>
    fullDisk(kind),
  );
}

await rm(programs, { recursive: true, force: true });
if (missing === undefined && existsSync("/proc/mounts")) {
  const left = execFileSync("cat", ["/proc/mounts"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`sluice-disk-${process.pid}`));
  if (left.length > 0) failed++;
  for (const line of left) console.log(`FAILED: left mounted: ${line}`);
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
