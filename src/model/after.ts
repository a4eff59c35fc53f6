import { NEVER, timer, type Observable } from "rxjs";

/** The longest wait that a timer can take; a longer one would fire at once. @internal */
export const maxDelay = 2 ** 31 - 1;

/** Emits after so many milliseconds; never, where they are infinite or more than a timer can take. @internal */
export function after(milliseconds: number): Observable<0> {
  return milliseconds > maxDelay ? NEVER : timer(milliseconds);
}
