import { isSluiceError } from "../../../src/model/errors.ts";
import { classifyFailure } from "../robust/classifyFailure.ts";

/** Whether a failure may be over when it is tried again. A log that has failed has to be opened again. @internal */
export function isTransient(error: unknown): boolean {
  return isSluiceError(error) && classifyFailure(error) === "retry" && error.code !== "ERR_DURABILITY";
}
