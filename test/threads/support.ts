import type { ExecutionContext } from "ava";
import type { EventData } from "../../src/model/data.ts";
import { validatorOnPool } from "../../src/threads/componentsOnPool.ts";
import { makeThreadPool, type ModuleComponent, type ThreadPool } from "../../src/threads/threadPool.ts";

/** Where the modules of these tests are. */
export const fixtures = new URL("../fixtures/threads/", import.meta.url);

/** A pool that is closed when the test ends. */
export function poolFor(t: ExecutionContext, size: number): ThreadPool {
  const pool = makeThreadPool(size);
  t.teardown(() => pool.close());
  return pool;
}

/** A component of the fixtures. */
export function component(name: string, file = "components.js"): ModuleComponent {
  const kind = file === "errors.js" || name === "turns" ? "partitionSelector" : "validator";
  return { kind, spec: { type: `${name}:./${file}` }, baseUrl: fixtures.href };
}

/** Calls `validate` of a fixture, with a priority of its own. */
export async function validating(pool: ThreadPool, name: string) {
  const named = component(name);
  await pool.run({ component: named, method: "describe", args: [] });
  return <T>(metadata: unknown, options: { priority?: number; signal?: AbortSignal; data?: EventData } = {}) => {
    const { data, ...rest } = options;
    return pool.run<T>({ component: named, method: "validate", args: [metadata], ...(data && { data }) }, rest);
  };
}

/** A validator of the fixtures on a pool. */
export function validatorOf<M = unknown>(pool: ThreadPool, name: string, config: object = {}) {
  return validatorOnPool<M>(pool, { type: `${name}:./components.js`, ...config }, fixtures);
}

/** A gate in memory that threads share. A task that meets it blocks its thread until it opens. */
export interface Gate {
  /** For the task's metadata. */
  readonly gate: Int32Array;
  /** Resolves when a thread stands before it. */
  reached(): Promise<void>;
  /** Opens it for good. */
  open(): void;
}

/** Makes a closed gate. It opens at the latest when the test ends, so that a failed test leaves no blocked thread. */
export function makeGate(t: ExecutionContext): Gate {
  const gate = sharedCounters();
  const open = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  t.teardown(open);
  return {
    gate,
    open,
    async reached() {
      const waiting = waitAsync(gate, 1, 0);
      if (waiting.async) await waiting.value;
    },
  };
}

/** Four numbers in memory that threads share. */
export function sharedCounters(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(16));
}

// Not yet in the library of the compiler's target.
const { waitAsync } = Atomics as unknown as {
  waitAsync(
    array: Int32Array,
    index: number,
    value: number,
  ): { readonly async: false } | { readonly async: true; readonly value: Promise<string> };
};
