/** Every code that a {@link SluiceError} can carry. Codes stay the same between major versions; messages may improve. */
export const errorCodes = [
  "ERR_ALLOCATION",
  "ERR_ALREADY_ACKNOWLEDGED",
  "ERR_CLOSED",
  "ERR_COMPONENT",
  "ERR_COMPONENT_MISSING",
  "ERR_DATA_CHANGED",
  "ERR_DESCRIPTOR",
  "ERR_DURABILITY",
  "ERR_END_OF_SNAPSHOT",
  "ERR_END_OF_TOPIC",
  "ERR_FENCED",
  "ERR_FORBIDDEN",
  "ERR_IDLE",
  "ERR_INVALID_METADATA",
  "ERR_INVALID_PARTITION",
  "ERR_LIMIT",
  "ERR_KEY",
  "ERR_LOCKED",
  "ERR_LOSS",
  "ERR_MISSING_DEPENDENCY",
  "ERR_NOT_DELIVERED",
  "ERR_OUT_OF_SEQUENCE",
  "ERR_OVERFLOW",
  "ERR_PROTOCOL",
  "ERR_REFUSED",
  "ERR_READ_ONLY",
  "ERR_SERIALIZATION",
  "ERR_STALE_JOURNAL",
  "ERR_STALLED",
  "ERR_STORAGE",
  "ERR_TIMEOUT",
  "ERR_TOO_LARGE",
  "ERR_TOPIC_EXISTS",
  "ERR_TOPIC_NOT_FOUND",
  "ERR_TOPIC_SEALED",
  "ERR_UNAUTHORIZED",
  "ERR_UNDECODABLE",
  "ERR_UNKNOWN_SCHEME",
  "ERR_UNREACHABLE",
  "ERR_UNSUPPORTED",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** What a {@link SluiceError} may say beside its code. */
export interface SluiceErrorOptions {
  /** The error underneath, when there is one. */
  readonly cause?: unknown;
  /** Facts about the condition, for programs: a path, a rule, a partition, an id. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * A condition that a caller can handle, told apart by its stable `code`.
 *
 * A caller's own mistake (a wrong type, a value out of range) is a `TypeError` or a `RangeError` instead.
 *
 * @example
 * ```ts
 * import { SluiceError } from "sluice";
 *
 * const error = new SluiceError("ERR_TIMEOUT", "The validator took longer than 50 ms");
 * console.log(error.code); // ERR_TIMEOUT
 * ```
 */
export class SluiceError extends Error {
  /** What kind of error it is. */
  override readonly name = "SluiceError";
  /** What happened, as a stable word for programs. */
  readonly code: ErrorCode;
  /** Facts about the condition, for programs. Empty when there is nothing to add. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, { cause, details = {} }: SluiceErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/**
 * Whether an error is a {@link SluiceError} with the given code.
 *
 * @param error - Anything that was thrown or handed to an error callback.
 * @param code - The code to look for; any code when it is left out.
 *
 * @example
 * ```ts
 * import { isSluiceError, SluiceError } from "sluice";
 *
 * console.log(isSluiceError(new SluiceError("ERR_FENCED", "lost"), "ERR_FENCED")); // true
 * ```
 */
export function isSluiceError(error: unknown, code?: ErrorCode): error is SluiceError {
  return error instanceof SluiceError && (code === undefined || error.code === code);
}
