import { throwError } from "rxjs";
import type { Fault } from "./fault.ts";

/** The call fails before the backend has seen it. @internal */
export function failing(error: unknown): Fault {
  return () => throwError(() => error);
}
