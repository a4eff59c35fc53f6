import type { Receipt } from "../../../src/model/receipt.ts";

/** An event that the backend has stored. Its `id` is -1 when the backend has it from an earlier sending and has forgotten where. */
export interface Delivered extends Receipt {
  /** What became of it. */
  readonly kind: "delivered";
  /** Its position in the journal, as `accepted` gave it. */
  readonly position: number;
}

/** An event that was put aside, since it can never be stored. */
export interface PutAside extends Omit<Receipt, "id"> {
  /** What became of it. */
  readonly kind: "dead";
  /** Its position in the journal, as `accepted` gave it. */
  readonly position: number;
  /** Why it cannot be stored. */
  readonly error: unknown;
}

/** What became of an event that was accepted. */
export type Outcome = Delivered | PutAside;

/** What a robust producer is doing. */
export interface RobustStatus {
  /**
   * `"idle"`: nothing is to be sent. `"sending"`. `"waiting"`: a batch could not be stored and will be sent again.
   * `"halted"`: nothing can be stored as things are, see `error`; `start()` tries again. `"stopped"`. `"closed"`.
   */
  readonly state: "idle" | "sending" | "waiting" | "halted" | "stopped" | "closed";
  /** Events in the journal that are not on their way. */
  readonly queued: number;
  /** Events that are on their way to the backend. */
  readonly inFlight: number;
  /** Events that were stored since the producer was made. */
  readonly delivered: number;
  /** Events that were put aside since then. */
  readonly dead: number;
  /** When the oldest event that is to be sent was pushed, in milliseconds since 1970; undefined when there is none. */
  readonly oldest: number | undefined;
  /** Bytes in the journal that are to be sent. */
  readonly bytes: number;
  /** Events a second that were stored, lately. */
  readonly rate: number;
  /** Milliseconds until the journal is empty, if nothing comes and the rate stays: infinite while nothing is stored. */
  readonly timeToDrain: number;
  /** Why it waits or has halted. */
  readonly error?: unknown;
}
