import { isSluiceError, type ErrorCode } from "sluice";
import { CommandError } from "../commandError.ts";

/** Errors that are about one event. */
const rejections: readonly ErrorCode[] = ["ERR_INVALID_METADATA", "ERR_SERIALIZATION", "ERR_UNDECODABLE"];

/** Errors that do not pass by themselves. */
const lasting: readonly ErrorCode[] = [
  ...rejections,
  "ERR_CLOSED",
  "ERR_COMPONENT",
  "ERR_COMPONENT_MISSING",
  "ERR_DURABILITY",
  "ERR_FORBIDDEN",
  "ERR_INVALID_PARTITION",
  "ERR_MISSING_DEPENDENCY",
  "ERR_TOO_LARGE",
  "ERR_TOPIC_NOT_FOUND",
  "ERR_TOPIC_SEALED",
  "ERR_UNAUTHORIZED",
  "ERR_UNSUPPORTED",
];

/** Whether an error is about the event itself, so that it would fail for ever. */
export function isRejection(error: unknown): boolean {
  return rejections.some((code) => isSluiceError(error, code));
}

/** Whether an error may pass by itself: the network, a disk, a restart. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof CommandError) return false;
  return !lasting.some((code) => isSluiceError(error, code));
}
