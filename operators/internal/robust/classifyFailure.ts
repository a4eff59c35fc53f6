import { isSluiceError, type ErrorCode } from "../../../src/model/errors.ts";

/**
 * What a failure to store a batch means for it. `"retry"`: it is sent again, after a wait, before anything that follows it.
 * `"dead"`: one of its events can never be stored; that event is found and put aside. `"halt"`: nothing can be stored as
 * things are; the events stay in the journal until delivery is started again.
 */
export type FailureKind = "retry" | "dead" | "halt";

/** What is the matter with an event itself. */
const dead: readonly ErrorCode[] = [
  "ERR_DESCRIPTOR",
  "ERR_INVALID_METADATA",
  "ERR_SERIALIZATION",
  "ERR_TOO_LARGE",
  "ERR_UNDECODABLE",
];
/** What is the matter with the topic, the rights or the program, and will not mend itself by waiting. */
const halt: readonly ErrorCode[] = [
  "ERR_CLOSED",
  "ERR_COMPONENT",
  "ERR_COMPONENT_MISSING",
  "ERR_FORBIDDEN",
  "ERR_INVALID_PARTITION",
  "ERR_MISSING_DEPENDENCY",
  "ERR_STALE_JOURNAL",
  "ERR_TOPIC_NOT_FOUND",
  "ERR_TOPIC_SEALED",
  "ERR_UNAUTHORIZED",
  "ERR_UNSUPPORTED",
];

/**
 * Tells failures apart by their codes. Whatever is not known waits and is tried again: that loses nothing. A TypeError or
 * RangeError of the backend says that it cannot take what it was given.
 */
export function classifyFailure(error: unknown): FailureKind {
  if (error instanceof TypeError || error instanceof RangeError) return "dead";
  if (!isSluiceError(error)) return "retry";
  if (dead.includes(error.code)) return "dead";
  return halt.includes(error.code) ? "halt" : "retry";
}
