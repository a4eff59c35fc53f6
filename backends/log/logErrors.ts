import { SluiceError } from "../../src/model/errors.ts";
import type { RecoveryReport } from "./recovery.ts";

/** The error of a write or sync that failed, and of everything that follows it until the log is opened again. */
export function writeFailed(path: string, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SluiceError(
    "ERR_DURABILITY",
    `Writing to "${path}" failed: ${reason}. It takes no more events until it is opened again`,
    {
      cause,
      details: { path },
    },
  );
}

/** The error of an append to a partition that lacks something it once had. */
export function writesRefused(report: RecoveryReport): SluiceError {
  const { topic, partition, outcome, damage } = report;
  const where = damage.map(({ file, offset, reason }) => `${file} at ${offset}: ${reason}`).join("; ");
  return new SluiceError(
    "ERR_STORAGE",
    `Partition ${partition} of "${topic}" takes no events, since it is ${outcome}: ${where}`,
    {
      details: { ...report },
    },
  );
}

/** The error of reading what cannot be read. `next` is where to read on. */
export function unreadable(path: string, offset: number, from: number, next: number): SluiceError {
  return new SluiceError(
    "ERR_STORAGE",
    `Events ${from} to ${next - 1} in "${path}" cannot be read: the bytes at ${offset} are damaged`,
    {
      details: { path, offset, from, next },
    },
  );
}

/** The error of fetching data of an event that is not there any more. */
export function notStored(partition: number, id: number): SluiceError {
  return new SluiceError("ERR_STORAGE", `Event ${id} of partition ${partition} is not stored any more`, {
    details: { partition, id },
  });
}
