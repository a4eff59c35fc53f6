import { SluiceError } from "./model/errors.ts";

/** What `#log` is in a browser: there are no files to keep a log in. @internal */
export function logBackend(directory: string): never {
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `The log backend needs Node.js: "log:${directory}" cannot be opened in a browser`,
  );
}
