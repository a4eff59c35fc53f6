import { isSluiceError, type ErrorCode } from "sluice";
import { CommandError } from "./commandError.ts";
import { exitCodes, type ExitCodeName } from "./exitCodes.ts";

/** What each code of a `SluiceError` ends a command with; those that are left out are plain failures. */
const bySluiceCode: Partial<Record<ErrorCode, ExitCodeName>> = {
  ERR_COMPONENT: "usage",
  ERR_COMPONENT_MISSING: "usage",
  ERR_DURABILITY: "usage",
  ERR_UNKNOWN_SCHEME: "usage",
  ERR_UNSUPPORTED: "usage",
  ERR_MISSING_DEPENDENCY: "usage",
  ERR_TOPIC_NOT_FOUND: "notFound",
  ERR_INVALID_PARTITION: "notFound",
  ERR_TOPIC_EXISTS: "conflict",
  ERR_TOPIC_SEALED: "conflict",
  ERR_LOCKED: "conflict",
  ERR_FENCED: "conflict",
  ERR_INVALID_METADATA: "rejected",
  ERR_SERIALIZATION: "rejected",
  ERR_UNDECODABLE: "damaged",
  ERR_LOSS: "damaged",
  ERR_UNREACHABLE: "unavailable",
  ERR_REFUSED: "denied",
  ERR_UNAUTHORIZED: "denied",
  ERR_FORBIDDEN: "denied",
  ERR_KEY: "denied",
  ERR_READ_ONLY: "denied",
  ERR_STALLED: "timeout",
  ERR_TOO_LARGE: "rejected",
  ERR_TIMEOUT: "timeout",
};

/** What each code of the operating system ends a command with. */
const bySystemCode: Record<string, ExitCodeName> = {
  ENOENT: "notFound",
  EEXIST: "conflict",
  EADDRINUSE: "conflict",
  EACCES: "denied",
  EPERM: "denied",
  ECONNREFUSED: "unavailable",
  ENOTFOUND: "unavailable",
  ETIMEDOUT: "timeout",
};

/**
 * The exit code of an error.
 *
 * @param error - Anything that a command has failed with.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return exitCodes[error.exit];
  if (isSluiceError(error)) return exitCodes[bySluiceCode[error.code] ?? "failed"];
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "string" && bySystemCode[code] !== undefined) return exitCodes[bySystemCode[code]];
  return isMistakeOfCaller(error) ? exitCodes.usage : exitCodes.failed;
}

/** The library's own checks name the value; a TypeError without one is a fault of the program. */
function isMistakeOfCaller(error: unknown): boolean {
  const isKind = error instanceof TypeError || error instanceof RangeError;
  return isKind && /current value|must|cannot be used/.test(error.message);
}
