import { isModuleType } from "../components/module.ts";
import type { PartitionSelector, Serializer, TopicComponents, Validator } from "../model/component.ts";
import { partitionSelectorOnPool, serializerOnPool, validatorOnPool } from "./componentsOnPool.ts";
import type { ThreadPool } from "./threadPool.ts";

/** Where and how urgently components run. @internal */
export interface ComponentsOnOptions {
  readonly priority: number;
  readonly baseUrl: string | URL | undefined;
}

/**
 * The components of a topic as a pool runs them: those given by module in its threads, the others, and all of them on a
 * pool of size 0, as they are. A thread loads a module when it is first needed.
 *
 * @internal
 */
export function componentsOn<M>(
  pool: ThreadPool,
  components: TopicComponents<M>,
  options: ComponentsOnOptions,
): TopicComponents<M> {
  if (pool.size === 0) return components;
  const { validator, partitionSelector, serializer } = components;
  return {
    validator: isModuleType(validator.spec.type) ? validatorOn(pool, validator, options) : validator,
    partitionSelector: isModuleType(partitionSelector.spec.type)
      ? selectorOn(pool, partitionSelector, options)
      : partitionSelector,
    serializer: isModuleType(serializer.spec.type) ? serializerOn(pool, serializer, options) : serializer,
  };
}

function validatorOn<M>(
  pool: ThreadPool,
  { spec }: Validator<M>,
  { baseUrl, priority }: ComponentsOnOptions,
): Validator<M> {
  const load = once(() => validatorOnPool<M>(pool, spec, baseUrl, { priority }));
  return { spec, validate: async (metadata, data) => (await load()).validate(metadata, data) };
}

function selectorOn<M>(
  pool: ThreadPool,
  { spec }: PartitionSelector<M>,
  { baseUrl, priority }: ComponentsOnOptions,
): PartitionSelector<M> {
  const load = once(() => partitionSelectorOnPool<M>(pool, spec, baseUrl, { priority }));
  return {
    spec,
    start() {
      const begin = once(async () => (await load()).start());
      return async (...args) => (await begin())(...args);
    },
  };
}

function serializerOn<M>(
  pool: ThreadPool,
  { spec, form }: Serializer<M>,
  { baseUrl, priority }: ComponentsOnOptions,
): Serializer<M> {
  const load = once(() => serializerOnPool<M>(pool, spec, baseUrl, { priority }));
  return {
    spec,
    form,
    serialize: async (metadata: M) => (await load()).serialize(metadata),
    deserialize: async (stored: never) => (await load()).deserialize(stored),
  } as Serializer<M>;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
