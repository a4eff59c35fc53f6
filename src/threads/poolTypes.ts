import type { ComponentKind } from "../components/types.ts";
import type { ComponentSpec } from "../model/component.ts";
import type { EventData } from "../model/data.ts";
import type { CloseOptions } from "../model/topicHandle.ts";

/**
 * A component that a module makes, named so that any thread can make it. A pool tells components apart by the identity
 * of this object: hand in the same one each time, and every thread loads the module once.
 */
export interface ModuleComponent {
  /** Which component it is. */
  readonly kind: ComponentKind;
  /** Its module and configuration, as the topic stores them: `{ type: "name:./module.js", … }`. */
  readonly spec: ComponentSpec;
  /**
   * What the module's path is relative to: a URL as a string, or the path of a directory.
   *
   * @default the working directory
   */
  readonly baseUrl?: string;
}

/** One call of a method of a module's component. */
export interface ModuleTask {
  /** The component to call. */
  readonly component: ModuleComponent;
  /** The method to call. `select` is the function that a partition selector's `start` returns; `describe` tells what the component says of itself. */
  readonly method: "describe" | "validate" | "select" | "serialize" | "deserialize";
  /** What the method gets. It is cloned on its way to a thread. */
  readonly args: readonly unknown[];
  /**
   * The event's data, as a last argument of the method. Its memory is moved to the thread where that is possible, and
   * moved back into this same `EventData` before the call's promise settles; see {@link ThreadPool.run}.
   */
  readonly data?: EventData;
  /** Calls that share state, as those of one selection do, name the same object. They run in one and the same thread. */
  readonly session?: object;
}

/** What a component says of itself: the answer to the method `describe`. */
export interface ComponentDescription {
  /** Whether a validator looks at the data. */
  readonly readsData: boolean;
  /** What a serializer writes. */
  readonly form?: "text" | "bytes";
}

/** How a task runs. */
export interface RunOptions {
  /**
   * Tasks of a higher number start before all waiting tasks of a lower one, whenever they were submitted. Any finite number.
   *
   * @default 0
   */
  readonly priority?: number;
  /** Gives the task up: its promise rejects with the signal's reason. A task that a thread has begun is not interrupted. */
  readonly signal?: AbortSignal;
}

/**
 * Threads that run the components that modules make. Make one with {@link makeThreadPool}.
 *
 * Each thread runs one task at a time; a component that returns a promise holds its thread until the promise settles.
 */
export interface ThreadPool {
  /** How many threads there are. 0: tasks run on the calling thread. */
  readonly size: number;
  /**
   * Runs a method of a module's component.
   *
   * Data of the task (only a component with `readsData: true` is given any) is moved, not copied: while the task runs, a
   * segment that has an `ArrayBuffer` of its own is detached in the calling thread, and when the promise settles the
   * `EventData` of the task holds the same bytes again, in a new `ArrayBuffer`. A view of your own over the old one stays
   * empty. Copied instead are segments that are a part of a larger buffer, and those that several tasks were given;
   * a `SharedArrayBuffer` is shared.
   *
   * @returns What the method returned, cloned on its way back.
   * @throws SluiceError `ERR_CLOSED` after `close()`; `ERR_COMPONENT` when its thread ended while it ran the task, or
   * when the arguments or the answer cannot be cloned; `ERR_DATA_CHANGED` when somebody else detached the task's data;
   * `ERR_UNSUPPORTED` in a browser. Whatever the component throws arrives with name, message, stack, code and details.
   */
  run<T>(task: ModuleTask, options?: RunOptions): Promise<T>;
  /**
   * Takes no new tasks, finishes those it has, then ends its threads. May be called twice. Without a deadline it waits for
   * all of them; those left at a deadline are rejected with `ERR_CLOSED`.
   */
  close(options?: CloseOptions): Promise<void>;
  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}
