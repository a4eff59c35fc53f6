import type { ComponentKind } from "../components/types.ts";
import type { ComponentSpec, PartitionSelector, Serializer, TextSerializer, Validator } from "../model/component.ts";
import { loadComponent } from "./loadComponent.ts";
import type { ComponentDescription, ModuleComponent, RunOptions, ThreadPool } from "./poolTypes.ts";

/** How the calls of a component run on a pool. */
export type OnPoolOptions = Pick<RunOptions, "priority">;

/**
 * Loads a validator from a module and runs it on a pool: `validate` then returns a promise.
 *
 * The event's data goes to the thread only when the component has `readsData: true`; another one sees empty data. It is
 * moved there and back, see {@link ThreadPool.run}. With a pool of size 0 the result is the component itself.
 *
 * @param pool - Where it runs.
 * @param spec - The stored component, `{ type: "name:./module.js", … }`.
 * @param baseUrl - What the module's path is relative to: a URL, or the path of a directory. By default the working directory.
 * @param options - `priority`: that of its calls, 0 by default. Higher goes first.
 * @throws SluiceError `ERR_COMPONENT` when the module cannot be used, `ERR_CLOSED` when the pool is closed, `ERR_UNSUPPORTED` in a browser.
 *
 * @example
 * ```ts
 * import { makeThreadPool, validatorOnPool } from "sluice";
 *
 * await using pool = makeThreadPool(2);
 * const load = () => validatorOnPool(pool, { type: "energyCheck:./checks.js", max: 7 }, import.meta.url, { priority: 1 });
 * console.log(typeof load); // function
 * ```
 */
export async function validatorOnPool<M = unknown>(
  pool: ThreadPool,
  spec: ComponentSpec,
  baseUrl?: string | URL,
  options: OnPoolOptions = {},
): Promise<Validator<M>> {
  const component = nameComponent("validator", spec, baseUrl);
  if (pool.size === 0) return (await loadComponent(component)) as Validator<M>;
  const { readsData } = await describe(pool, component, options);
  return {
    spec,
    validate: (metadata, data) =>
      pool.run<M>({ component, method: "validate", args: [metadata], ...(readsData && { data }) }, options),
  };
}

/**
 * Loads a partition selector from a module and runs it on a pool: the selection then returns promises.
 *
 * Each selection that `start` begins stays in one thread, which keeps its state; a selection begins anew when its thread
 * has died and was replaced. With a pool of size 0 the result is the
 * component itself.
 *
 * @param pool - Where it runs.
 * @param spec - The stored component, `{ type: "name:./module.js", … }`.
 * @param baseUrl - What the module's path is relative to: a URL, or the path of a directory. By default the working directory.
 * @param options - `priority`: that of its calls, 0 by default. Higher goes first.
 * @throws The same errors as {@link validatorOnPool}.
 *
 * @example
 * ```ts
 * import { makeThreadPool, partitionSelectorOnPool } from "sluice";
 *
 * await using pool = makeThreadPool(1);
 * const load = () => partitionSelectorOnPool(pool, { type: "byDetector:./selectors.js" }, import.meta.url);
 * console.log(typeof load); // function
 * ```
 */
export async function partitionSelectorOnPool<M = unknown>(
  pool: ThreadPool,
  spec: ComponentSpec,
  baseUrl?: string | URL,
  options: OnPoolOptions = {},
): Promise<PartitionSelector<M>> {
  const component = nameComponent("partitionSelector", spec, baseUrl);
  if (pool.size === 0) return (await loadComponent(component)) as PartitionSelector<M>;
  await describe(pool, component, options);
  return {
    spec,
    start() {
      const session = {};
      return (...args) => pool.run<number>({ component, method: "select", args, session }, options);
    },
  };
}

/**
 * Loads a serializer from a module and runs it on a pool: `serialize` and `deserialize` then return promises.
 *
 * With a pool of size 0 the result is the component itself.
 *
 * @param pool - Where it runs.
 * @param spec - The stored component, `{ type: "name:./module.js", … }`.
 * @param baseUrl - What the module's path is relative to: a URL, or the path of a directory. By default the working directory.
 * @param options - `priority`: that of its calls, 0 by default. Higher goes first.
 * @throws The same errors as {@link validatorOnPool}.
 *
 * @example
 * ```ts
 * import { makeThreadPool, serializerOnPool } from "sluice";
 *
 * await using pool = makeThreadPool(1);
 * const load = () => serializerOnPool(pool, { type: "packed:./serializers.js" }, import.meta.url);
 * console.log(typeof load); // function
 * ```
 */
export async function serializerOnPool<M = unknown>(
  pool: ThreadPool,
  spec: ComponentSpec,
  baseUrl?: string | URL,
  options: OnPoolOptions = {},
): Promise<Serializer<M>> {
  const component = nameComponent("serializer", spec, baseUrl);
  if (pool.size === 0) return (await loadComponent(component)) as Serializer<M>;
  const { form } = await describe(pool, component, options);
  const serializer: Omit<TextSerializer<M>, "form"> = {
    spec,
    serialize: (metadata) => pool.run({ component, method: "serialize", args: [metadata] }, options),
    deserialize: (written) => pool.run({ component, method: "deserialize", args: [written] }, options),
  };
  return { ...serializer, form } as Serializer<M>;
}

function nameComponent(kind: ComponentKind, spec: ComponentSpec, baseUrl: string | URL | undefined): ModuleComponent {
  return { kind, spec, ...(baseUrl !== undefined && { baseUrl: String(baseUrl) }) };
}

function describe(pool: ThreadPool, component: ModuleComponent, options: OnPoolOptions): Promise<ComponentDescription> {
  return pool.run<ComponentDescription>({ component, method: "describe", args: [] }, options);
}
