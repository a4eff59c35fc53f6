import { concat, ignoreElements, take, throwError } from "rxjs";
import type { Fault } from "./fault.ts";

/** The backend does its work, and the caller gets an error in the place of the answer. @internal */
export function losingAnswer(error: unknown): Fault {
  return (call) =>
    concat(
      call.pipe(take(1), ignoreElements()),
      throwError(() => error),
    );
}
