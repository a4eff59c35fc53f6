import { delay, dematerialize, materialize } from "rxjs";
import type { Fault } from "./fault.ts";

/**
 * The backend does its work at once, and whatever it answers (a value, an error, its end) comes later.
 *
 * @param ms - Milliseconds.
 * @internal
 */
export function delayed(ms: number): Fault {
  return (call) => call.pipe(materialize(), delay(ms), dematerialize());
}
