import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { asyncScheduler, defer, from, of } from "rxjs";
import type { Backend } from "../../src/model/backend.ts";
import { checkChoice, checkFunction, checkInteger } from "../../src/model/check.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { checkEncryption, Keys, type EncryptionOptions } from "./encryption/keys.ts";
import { nodeStorage } from "./storage/nodeStorage.ts";
import type { RecoveryReport } from "./recovery/recoveryReport.ts";
import type { Storage } from "./storage/storage.ts";
import { loadNativeCrc32c } from "./format/crc32c.ts";
import { segmentHeaderSize } from "./format/segmentHeader.ts";
import { readOnlyBackend } from "./readOnly/readOnlyBackend.ts";
import { logCapabilities } from "./capabilities.ts";
import { TopicStore } from "./topicStore.ts";

export type { Damage, RecoveryOutcome, RecoveryReport } from "./recovery/recoveryReport.ts";
export type { EncryptionOptions } from "./encryption/keys.ts";
export { logCapabilities } from "./capabilities.ts";
export { repairLog, type RepairOptions } from "./repair/repairLog.ts";
export { verifyLog, type VerifyOptions } from "./verify/verifyLog.ts";
export type {
  CursorsReport,
  LogReport,
  Loss,
  PartitionReport,
  SegmentReport,
  TopicReport,
} from "./verify/logReport.ts";
export type { OpenMode, Storage, StorageFile } from "./storage/storage.ts";

/** Options of the log. */
export interface LogOptions {
  /**
   * When the future of an event resolves. `"disk"`: `fdatasync` has returned, so the event survives a loss of power.
   * `"os"`: the system has it, so it survives the end of the process, and a loss of power may take what was stored last.
   * @default "disk"
   */
  readonly durability?: "disk" | "os" | undefined;
  /**
   * Bytes at which a file is sealed and the next one begins. Retention drops whole files. @default 64 MiB
   */
  readonly segmentBytes?: number | undefined;
  /**
   * `"read-only"`: reads a log that another process may have open, takes no lock and changes nothing. Consumers follow what
   * that process commits; whatever would write fails with `ERR_READ_ONLY`, acknowledging too. @default "read-write"
   */
  readonly mode?: "read-write" | "read-only" | undefined;
  /**
   * Encrypts metadata and data of events on the disk, by AES-256-GCM. Files that were written without it, or with other keys, are
   * read as they are. @default nothing is encrypted
   */
  readonly encryption?: EncryptionOptions | undefined;
  /** Told what was found in each partition when it was opened to be written. @default nothing is told */
  readonly recovered?: ((report: RecoveryReport) => void) | undefined;
  /** The file system, for tests that put faults into it. @default Node's */
  readonly storage?: Storage | undefined;
}

/** A store that is open in this process, and how many backends share it. */
interface Shared {
  readonly store: Promise<TopicStore>;
  readonly options: string;
  users: number;
  /** Settled when the last one has left and the directory is free again. */
  closing: Promise<void> | undefined;
}

/** The stores of this process, by their file system and directory. */
const stores = new WeakMap<Storage, Map<string, Shared>>();

/**
 * The log: topics in a directory of the local disk, in this process, with no server to start. An event is on the disk when
 * its future resolves. One process at a time has a directory; all backends of that process share it.
 *
 * @param directory - Where it is, made when it is not there. Its owner alone can enter it.
 * @param options - How safe, and how large files get.
 * @returns The backend. Rejects with `ERR_LOCKED` when another process has the directory, with its `pid` in `details`.
 * Calls fail with `ERR_TOPIC_EXISTS`, `ERR_TOPIC_NOT_FOUND`, `ERR_DURABILITY` once a write or a sync has failed, and
 * `ERR_STORAGE` for what is damaged.
 * @throws TypeError or RangeError when an argument is wrong (as a rejection).
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { lastValueFrom, from } from "rxjs";
 * import { logBackend } from "sluice/backends/log";
 *
 * const directory = await mkdtemp(join(tmpdir(), "sluice-"));
 * const backend = await logBackend(directory, { durability: "os" });
 * console.log(backend.capabilities.durability, backend.capabilities.persistent); // os true
 * await lastValueFrom(from(backend.close()), { defaultValue: undefined });
 * await rm(directory, { recursive: true });
 * ```
 */
export async function logBackend(directory: string, options: LogOptions = {}): Promise<Backend> {
  const { durability = "disk", segmentBytes = 64 << 20, storage = nodeStorage, recovered = ignore } = options;
  const { mode = "read-write", encryption } = options;
  if (typeof directory !== "string")
    throw new TypeError(`'directory' must be a string: current value is ${describeValue(directory)}`);
  if (directory === "") throw new RangeError(`'directory' must not be empty, as in "log:./data": current value is ""`);
  checkChoice("durability", durability, ["disk", "os"]);
  checkInteger("segmentBytes", segmentBytes, 2 * segmentHeaderSize);
  checkFunction("recovered", recovered);
  checkChoice("mode", mode, ["read-write", "read-only"]);
  checkEncryption(encryption);
  const keys = new Keys(encryption);
  await Promise.all([loadNativeCrc32c(), keys.ready()]);
  if (mode === "read-only") return readOnlyBackend(directory, { storage, durability, keys });
  await storage.makeDirectory(directory);
  const path = storage === nodeStorage ? await realpath(directory) : resolve(directory);
  const shared = share(storage, path, JSON.stringify({ durability, segmentBytes, keyId: encryption?.keyId }), () =>
    TopicStore.open({
      storage,
      directory: path,
      durability,
      segmentBytes,
      keys,
      recovered,
      now: () => asyncScheduler.now(),
    }),
  );
  const store = await shared.store;
  return {
    capabilities: { ...logCapabilities, durability },
    createTopic: (name, config) => defer(() => store.create(name, config)),
    openTopic: (name) => defer(() => store.find(name)),
    listTopics: () => defer(() => of(store.names())),
    deleteTopic: (name) => defer(() => from(store.delete(name))),
    close: () => defer(() => release(storage, path, shared)),
  };
}

function share(storage: Storage, path: string, options: string, open: () => Promise<TopicStore>): Shared {
  const byPath = stores.get(storage) ?? new Map<string, Shared>();
  stores.set(storage, byPath);
  const known = byPath.get(path);
  if (known !== undefined && known.closing === undefined && known.options !== options) {
    throw new RangeError(
      `"${path}" is open in this process with other options, which are ${known.options}: current value is ${options}`,
    );
  }
  const isOpen = known !== undefined && known.closing === undefined;
  const shared = isOpen
    ? known
    : { store: known?.closing?.then(open) ?? open(), options, users: 0, closing: undefined };
  shared.users++;
  byPath.set(path, shared);
  shared.store.catch(() => forget(storage, path, shared)); // The next one who connects tries again.
  return shared;
}

async function release(storage: Storage, path: string, shared: Shared): Promise<void> {
  if (--shared.users > 0) return;
  shared.closing = shared.store.then((store) => store.close());
  await shared.closing.finally(() => forget(storage, path, shared));
}

function forget(storage: Storage, path: string, shared: Shared): void {
  const byPath = stores.get(storage);
  if (byPath?.get(path) === shared) byPath.delete(path);
}

function ignore(): void {}
