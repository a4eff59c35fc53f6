import { checkFunction } from "../../../src/model/check.ts";
import { describeValue } from "../../../src/model/describeValue.ts";
import { checkEncryption, Keys, type EncryptionOptions } from "../encryption/keys.ts";
import { loadNativeCrc32c } from "../format/crc32c.ts";
import type { RecoveryOutcome } from "../recovery/recoveryReport.ts";
import { nodeStorage } from "../storage/nodeStorage.ts";
import { ignoreMissing, type Storage } from "../storage/storage.ts";
import { readTopic, type StoredTopic } from "../topicFile.ts";
import { verifyCursors } from "./verifyCursors.ts";
import { verifyPartition } from "./verifyPartition.ts";
import {
  worstOf,
  type CursorsReport,
  type LogReport,
  type Loss,
  type PartitionReport,
  type TopicReport,
} from "./logReport.ts";

/** Options of {@link verifyLog}. */
export interface VerifyOptions {
  /** Told of each topic when all of it has been read. @default nothing is told */
  readonly progress?: ((topic: TopicReport) => void) | undefined;
  /** Checks whether the keys are those that were used. Checksums are compared without it. @default keys are not checked */
  readonly encryption?: EncryptionOptions | undefined;
  /** The file system, for tests that put faults into it. @default Node's */
  readonly storage?: Storage | undefined;
}

/** How often a partition is read that somebody writes to, before what was found twice counts. */
const maxAttempts = 5;

/**
 * Reads every byte of a log, compares every checksum, and says what is there and what is damaged. It changes nothing and
 * needs no lock, so it may run while a process writes. What that process is writing at the moment counts as not there.
 *
 * @param directory - Where the log is, as in `log:./data`.
 * @param options - Who is told of the progress.
 * @returns What was found, as plain data. It rejects with the error of the system where there is no such directory, or
 * where a file cannot be read at all.
 * @throws TypeError when an argument is wrong (as a rejection).
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { connect } from "sluice";
 * import { verifyLog } from "sluice/backends/log";
 *
 * const directory = await mkdtemp(join(tmpdir(), "sluice-"));
 * const driver = await connect(`log:${directory}`);
 * await (await driver.createTopic("collisions")).producer().push({ energy: 42 });
 * await driver.close();
 *
 * const { outcome, topics } = await verifyLog(directory);
 * console.log(outcome, topics[0]?.topic, topics[0]?.partitions[0]?.toId); // clean collisions 1
 * await rm(directory, { recursive: true });
 * ```
 */
export async function verifyLog(directory: string, options: VerifyOptions = {}): Promise<LogReport> {
  const { progress = ignore, encryption, storage = nodeStorage } = options;
  if (typeof directory !== "string")
    throw new TypeError(`'directory' must be a string: current value is ${describeValue(directory)}`);
  checkFunction("progress", progress);
  checkEncryption(encryption);
  await loadNativeCrc32c();
  const keys = encryption && new Keys(encryption);
  return verifyDirectory({ storage, keys, inUseBy: await storage.ownerOf(directory), progress }, directory);
}

/** What a directory is verified with. */
interface Verifying {
  readonly storage: Storage;
  /** Undefined leaves keys unchecked. */
  readonly keys: Keys | undefined;
  /** The process that may be writing meanwhile. */
  readonly inUseBy: number | undefined;
  readonly progress?: (topic: TopicReport) => void;
}

/** As {@link verifyLog}. @internal */
export async function verifyDirectory(verifying: Verifying, directory: string): Promise<LogReport> {
  const { storage, inUseBy, progress = ignore } = verifying;
  const topics: TopicReport[] = [];
  const unreadable: string[] = [];
  const names = await storage.list(directory);
  const list = names.includes("topics") ? await storage.list(`${directory}/topics`) : [];
  for (const name of list.sort()) {
    if (/\.(new|gone)$/.test(name)) continue; // Being made or removed; what a crash has left of it goes at the next open.
    const path = `${directory}/topics/${name}`;
    const stored = await readTopic(storage, path).catch(ignoreMissing);
    if (stored !== undefined) {
      const report = await verifyTopic(verifying, path, name, stored).catch(ignoreMissing);
      if (report === undefined) continue; // It was deleted meanwhile.
      topics.push(report);
      progress(report);
    } else if ((await storage.list(path).catch(ignoreMissing)) !== undefined) unreadable.push(name);
  }
  topics.sort((a, b) => (a.topic < b.topic ? -1 : 1));
  const worst = worstOf(topics.map(({ outcome }) => outcome));
  const outcome = unreadable.length > 0 ? worstOf([worst, "corrupt"]) : worst;
  return { directory, outcome, inUseBy, topics, unreadable, losses: lossesOf(topics, unreadable) };
}

/** What a repair would have to accept. */
function lossesOf(topics: readonly TopicReport[], unreadable: readonly string[]): Loss[] {
  const losses: Loss[] = unreadable.map((directory) => ({ kind: "topic", directory }));
  for (const { topic, partitions, cursors } of topics) {
    for (const { partition, lost } of partitions)
      for (const { fromId, toId } of lost) losses.push({ kind: "events", topic, partition, fromId, toId });
    if (cursors.outcome === "corrupt") losses.push({ kind: "cursors", topic });
  }
  return losses;
}

async function verifyTopic(
  verifying: Verifying,
  path: string,
  directory: string,
  stored: StoredTopic,
): Promise<TopicReport> {
  if (stored.version !== 1) return ofAnotherVersion(stored, directory);
  const { name, config, sealed } = stored;
  const isInUse = verifying.inUseBy !== undefined;
  const verify = isInUse ? verifyInUse : verifyOnce;
  const partitions: PartitionReport[] = [];
  for (let index = 0; index < config.partitions; index++)
    partitions.push(await verify(verifying, `${path}/p${index}`, index));
  const found = await verifyCursors(verifying.storage, path);
  const cursors: CursorsReport = isInUse ? withoutTail(found) : found;
  const outcome = worstOf([...partitions.map((each) => each.outcome), cursors.outcome]);
  return { topic: name, directory, outcome, sealed, partitions, cursors };
}

/** Nothing can be said of what is in it. */
function ofAnotherVersion({ name, sealed }: StoredTopic, directory: string): TopicReport {
  const cursors: CursorsReport = { outcome: "clean", positions: {}, damage: [] };
  return { topic: name, directory, outcome: "unknownVersion", sealed, partitions: [], cursors };
}

async function verifyOnce({ storage, keys }: Verifying, directory: string, index: number): Promise<PartitionReport> {
  const { recovered, ...report } = await verifyPartition(storage, directory, index, keys);
  await Promise.all(recovered.segments.map((segment) => segment.close()));
  return report;
}

/** What is written or dropped while it is read looks like damage. Damage that is found twice in the same place is damage. */
async function verifyInUse(verifying: Verifying, directory: string, index: number): Promise<PartitionReport> {
  let before: string | undefined;
  for (let attempt = 1; ; attempt++) {
    const report = await verifyOnce(verifying, directory, index).catch(ignoreMissing);
    if (report === undefined) {
      if (attempt === maxAttempts) throw Object.assign(new Error(`"${directory}" is gone`), { code: "ENOENT" });
      continue; // A segment was dropped between its name and its bytes.
    }
    const settled = withoutTail(report);
    const damage = JSON.stringify(settled.damage);
    if (settled.outcome === "clean" || damage === before || attempt === maxAttempts) return settled;
    before = damage;
  }
}

/** What a live process is writing is not a torn tail. */
function withoutTail<R extends PartitionReport | CursorsReport>(report: R): R {
  const damage = report.damage.filter(({ outcome }) => outcome !== "tornTail");
  const outcome: RecoveryOutcome = worstOf(damage.map((each) => each.outcome));
  return { ...report, damage, outcome };
}

function ignore(): void {}
