import { SluiceError } from "../../model/errors.ts";

/** The error of a fault that was given none. @internal */
export function injectedError(): SluiceError {
  return new SluiceError("ERR_STORAGE", "A fault was injected into the backend");
}
