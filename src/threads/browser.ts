import { SluiceError } from "../model/errors.ts";
import type { PoolEngine } from "./job.ts";

/** What `#threads` is in a browser: there are none. @internal */
export function makeWorkerEngine(size: number): PoolEngine {
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `A pool of ${size} threads needs Node.js. In a browser use makeThreadPool(0), which runs components inline`,
  );
}
