import { isSluiceError, SluiceError } from "../errors.ts";
import { messageOf } from "../mapError.ts";

/**
 * The error of a rejected event.
 *
 * @param path - Where in the metadata, as a JSON pointer.
 * @param rule - The rule that was broken, as short as possible.
 * @param reason - What a person should read, as the rest of a sentence: "must be at most 100".
 * @internal
 */
export function rejection(
  path: string,
  rule: string,
  reason: string,
  { cause, details = {} }: { cause?: unknown; details?: Record<string, unknown> } = {},
): SluiceError {
  const subject = path === "" ? "The metadata" : `The metadata at ${path}`;
  return new SluiceError("ERR_INVALID_METADATA", `${subject} ${reason}`, {
    cause,
    details: { path, rule, ...details },
  });
}

/** Any error of a validator as a rejection. One that is a rejection already says more, so it is kept. @internal */
export function asRejection(error: unknown): SluiceError {
  if (isSluiceError(error, "ERR_INVALID_METADATA")) return error;
  const rule = messageOf(error);
  return rejection("", rule, `is refused by the validator: ${rule}`, { cause: error });
}
