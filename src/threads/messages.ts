import type { ModuleComponent, ModuleTask } from "./poolTypes.ts";
import type { Ranked } from "./priorityQueue.ts";

/** What the pool posts to a thread. @internal */
export interface PoolMessage {
  /** Components that the thread has not met, by the numbers that tasks name them by. */
  readonly components: readonly (readonly [id: number, component: ModuleComponent])[];
  /** What to run. */
  readonly tasks: readonly TaskMessage[];
  /** Sessions that nobody holds any more. */
  readonly endedSessions: readonly number[];
}

/** A task on its way to a thread. @internal */
export interface TaskMessage extends Ranked {
  /** The number of the component. */
  readonly component: number;
  /** What to call. */
  readonly method: ModuleTask["method"];
  /** With what. */
  readonly args: readonly unknown[];
  /** The number of the session. */
  readonly session?: number;
  /** The event's data, when the task has any. */
  readonly segments?: readonly Uint8Array<ArrayBufferLike>[];
  /** Which of the segments were moved, and so have to come back. */
  readonly moved?: readonly number[];
}

/** What a thread posts: answers to tasks that have ended, or a farewell. @internal */
export type ThreadMessage = readonly AnswerMessage[] | FarewellMessage;

/** What a thread posts when something ends it. @internal */
export interface FarewellMessage {
  /** The task that was running, if there was one. */
  readonly running: number | undefined;
  /** Tasks that it had received and not begun, with their data. */
  readonly returned: readonly Pick<AnswerMessage, "id" | "moved">[];
}

/** What a thread says of a task that has ended. @internal */
export interface AnswerMessage {
  /** The task. */
  readonly id: number;
  /** Milliseconds it took, without loading the component. */
  readonly cost: number;
  /** What it returned. */
  readonly value?: unknown;
  /** What it threw. */
  readonly error?: PackedError;
  /** The segments that were moved, back again. */
  readonly moved?: readonly Uint8Array<ArrayBufferLike>[];
}

/** Something thrown, in a form that can be cloned. @internal */
export type PackedError = { readonly value: unknown } | PackedErrorObject;

/** A thrown `Error`, in a form that can be cloned. @internal */
export interface PackedErrorObject {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Everything else the error carries that can be cloned: `code`, `details`, `issues`, … */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly cause?: PackedError;
}
