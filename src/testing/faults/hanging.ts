import { NEVER } from "rxjs";
import type { Fault } from "./fault.ts";

/** The call never reaches the backend, and is never answered. @internal */
export function hanging(): Fault {
  return () => NEVER;
}
