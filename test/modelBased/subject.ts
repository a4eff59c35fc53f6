import type { Backend } from "../../src/index.ts";

/** A backend that is compared with the memory backend, and what can be done to it. */
export interface Subject {
  /** The backend as it is now. */
  readonly backend: Backend;
  /** Closes it and opens it again; undefined where nothing outlives it. */
  readonly reopen?: (() => Promise<void>) | undefined;
  /**
   * Ends it in the middle of what it is doing, and opens what is left: everything that it had answered must be there. Called
   * while calls are under way, whose answers never come.
   *
   * @param dice - A number from 0 to 1 that chooses when.
   * @param ended - Called at that moment: what is answered later is no answer.
   */
  readonly end?: ((how: "kill" | "power loss", dice: number, ended: () => void) => Promise<void>) | undefined;
  /** Whether more events may be kept than retention allows to drop. */
  readonly dropsLate: boolean;
  /** Lets go of everything. */
  readonly dispose: () => Promise<void>;
}
