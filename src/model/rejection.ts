import type { NextObserver } from "rxjs";
import type { EventData } from "./data.ts";

/** An event that was not accepted, with the reason. */
export interface Rejection<M = unknown> {
  /** Its metadata: as it was pushed, or as the validator made it once that has accepted it. */
  readonly metadata: M;
  /** Its data. */
  readonly data: EventData;
  /** Why it was not accepted: `ERR_INVALID_METADATA`, `ERR_SERIALIZATION`, `ERR_INVALID_PARTITION`, … */
  readonly error: unknown;
}

/**
 * What becomes of an event that is not accepted: `"fail"` ends the stream with its error, `"skip"` leaves it out, an
 * observer is handed the event and its reason, and the stream goes on.
 */
export type RejectionPolicy<T = Rejection> = "fail" | "skip" | NextObserver<T>;
