import { SluiceError } from "../../src/model/errors.ts";
import type { RecoveryReport } from "./recovery/recoveryReport.ts";

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
  const code = outcome === "wrongKey" ? "ERR_KEY" : "ERR_STORAGE";
  const where = damage.map(({ file, offset, reason }) => `${file} at ${offset}: ${reason}`).join("; ");
  return new SluiceError(
    code,
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

/** The error of everything that would write to a log that is open to be read. */
export function readOnly(what: string): SluiceError {
  return new SluiceError("ERR_READ_ONLY", `The log is open to be read only, so it cannot ${what}`);
}

/** The error of a topic that is not there. */
export function notFound(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}

/** The error of a topic that may be there, but whose description is damaged: it is neither missing nor free to be made anew. */
export function unreadableTopic(name: string, path: string): SluiceError {
  return new SluiceError("ERR_STORAGE", `Topic "${name}" may be the one in "${path}", which cannot be read`, {
    details: { topic: name, path },
  });
}

/** The error of everything after the log was closed. */
export function closed(): SluiceError {
  return new SluiceError("ERR_CLOSED", "The log is closed");
}

/** The error of what another version of the format has written. */
export function unknownVersion(what: string, version: number, known: number): SluiceError {
  return new SluiceError("ERR_UNSUPPORTED", `${what} is of version ${version} of the format, where ${known} is known`, {
    details: { version, known },
  });
}
