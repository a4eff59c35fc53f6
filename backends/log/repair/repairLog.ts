import { describeValue } from "../../../src/model/describeValue.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { encodeCursors } from "../cursorLog.ts";
import { checkEncryption, Keys, type EncryptionOptions } from "../encryption/keys.ts";
import { loadNativeCrc32c } from "../format/crc32c.ts";
import { recover } from "../recovery/recover.ts";
import { nodeStorage } from "../storage/nodeStorage.ts";
import { replaceFile, type Storage } from "../storage/storage.ts";
import type { LogReport, Loss, TopicReport } from "../verify/logReport.ts";
import { verifyDirectory } from "../verify/verifyLog.ts";
import { verifyPartition } from "../verify/verifyPartition.ts";
import { quarantine } from "./quarantine.ts";
import { repairPartition } from "./repairPartition.ts";

/** Options of {@link repairLog}. */
export interface RepairOptions {
  /**
   * The losses to go on with: exactly those that `verifyLog` has found, in any order. Empty where something is damaged
   * and nothing is lost by it.
   */
  readonly accept: readonly Loss[];
  /** The keys of an encrypted log: what is intact of a damaged file is written anew. @default nothing is encrypted */
  readonly encryption?: EncryptionOptions | undefined;
  /** The file system, for tests that put faults into it. @default Node's */
  readonly storage?: Storage | undefined;
}

/**
 * Brings a damaged log into order again, so that it takes events. What is intact stays, under the same ids. What is lost
 * becomes a gap that consumers are told of (`consumer.lost`), and damaged bytes are copied to `quarantine/`, beside where they were.
 * Copy the directory before, if there is room: a repair accepts that what is damaged now is gone for good.
 *
 * It may be interrupted. What was repaired until then stays so, and the rest is for `verifyLog` and another repair.
 *
 * @param directory - Where the log is. No process may have it open.
 * @param options - The losses that are accepted.
 * @returns What is there now, as `verifyLog` reports it. Rejects with `ERR_LOSS` when something else would be lost than
 * was accepted, with what it is in `details.losses`; then nothing was changed. Rejects with `ERR_LOCKED` when a process has
 * the directory open, and with `ERR_UNSUPPORTED` when another version of the format has written it, and with `ERR_KEY` when a key is
 * missing or wrong.
 * @throws TypeError when an argument is wrong (as a rejection).
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { connect } from "sluice";
 * import { repairLog, verifyLog } from "sluice/backends/log";
 *
 * const directory = await mkdtemp(join(tmpdir(), "sluice-"));
 * await (await connect(`log:${directory}`)).close();
 *
 * const { losses } = await verifyLog(directory);
 * console.log(losses); // []
 * const { outcome } = await repairLog(directory, { accept: losses });
 * console.log(outcome); // clean
 * await rm(directory, { recursive: true });
 * ```
 */
export async function repairLog(directory: string, options: RepairOptions): Promise<LogReport> {
  if (typeof directory !== "string")
    throw new TypeError(`'directory' must be a string: current value is ${describeValue(directory)}`);
  const { accept, encryption, storage = nodeStorage } = options ?? {};
  if (!Array.isArray(accept))
    throw new TypeError(
      `'accept' must be a list of losses, as verifyLog() finds them: current value is ${describeValue(accept)}`,
    );
  checkEncryption(encryption);
  const keys = new Keys(encryption);
  await Promise.all([loadNativeCrc32c(), keys.ready()]);
  await storage.list(directory); // A lock would make the directory where there is none.
  const unlock = await storage.lock(directory);
  try {
    const verifying = { storage, keys, inUseBy: undefined };
    const found = await verifyDirectory(verifying, directory);
    if (found.outcome === "unknownVersion")
      throw new SluiceError("ERR_UNSUPPORTED", `"${directory}" was written by another version of the format`, {
        details: { directory },
      });
    assertKeys(found);
    assertAccepted(found.losses, accept);
    for (const topic of found.topics) await repairTopic(verifying, `${directory}/topics/${topic.directory}`, topic);
    for (const name of found.unreadable) await setTopicAside(storage, directory, name);
    return await verifyDirectory(verifying, directory);
  } finally {
    await unlock();
  }
}

/** What is intact has to be decrypted before it is written anew. */
function assertKeys({ topics }: LogReport): void {
  const damage = topics.flatMap(({ partitions }) => partitions.flatMap((each) => each.damage));
  const wrong = damage.find(({ outcome }) => outcome === "wrongKey");
  if (wrong !== undefined) throw new SluiceError("ERR_KEY", wrong.reason, { details: { file: wrong.file } });
}

function assertAccepted(losses: readonly Loss[], accept: readonly Loss[]): void {
  const [found, accepted] = [losses.map(keyOf), new Set(accept.map(keyOf))];
  if (accepted.size === found.length && found.every((key) => accepted.has(key))) return;
  throw new SluiceError("ERR_LOSS", `A repair would lose something else than was accepted: ${JSON.stringify(losses)}`, {
    details: { losses, accept },
  });
}

/** The same for two losses that are the same, in whichever order their fields stand. */
function keyOf(loss: Loss): string {
  return JSON.stringify(Object.entries(loss ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function repairTopic(
  { storage, keys }: { readonly storage: Storage; readonly keys: Keys },
  directory: string,
  { partitions, cursors }: TopicReport,
): Promise<void> {
  for (const { partition, outcome } of partitions) {
    const path = `${directory}/p${partition}`;
    if (outcome === "tornTail") await closeAll(await recover(storage, path));
    if (outcome !== "truncated" && outcome !== "corrupt") continue;
    const found = await verifyPartition(storage, path, partition, keys);
    try {
      await repairPartition(storage, path, found, keys);
    } finally {
      await closeAll(found.recovered);
    }
  }
  if (cursors.outcome !== "corrupt") return;
  await quarantine(storage, directory, "cursors", cursors.damage);
  const entries = Object.entries(cursors.positions).flatMap(([consumer, positions]) =>
    positions.flatMap((position, partition) =>
      position === undefined ? [] : [[consumer, partition, position] as const],
    ),
  );
  await replaceFile(storage, directory, "cursors", encodeCursors(entries));
}

async function closeAll({ segments }: Awaited<ReturnType<typeof recover>>): Promise<void> {
  await Promise.all(segments.map((segment) => segment.close()));
}

/** A topic whose description is gone cannot be opened by anybody; what was in it can still be looked at. */
async function setTopicAside(storage: Storage, directory: string, name: string): Promise<void> {
  await storage.makeDirectory(`${directory}/quarantine`);
  await storage.rename(`${directory}/topics/${name}`, `${directory}/quarantine/${name}`);
  await storage.syncDirectory(`${directory}/quarantine`);
  await storage.syncDirectory(`${directory}/topics`);
}
