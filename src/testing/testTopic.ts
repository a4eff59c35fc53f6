import type { StandardSchemaV1 } from "@standard-schema/spec";
import { adapt, shapeOf, type ComponentOf } from "../components/adapt.ts";
import type { ComponentKind } from "../components/types.ts";
import type { Backend, Retention } from "../model/backend.ts";
import { checkInteger } from "../model/check.ts";
import type {
  ComponentSpec,
  PartitionSelector,
  SelectPartition,
  Serializer,
  TopicComponents,
  Validator,
} from "../model/component.ts";
import { describeValue } from "../model/describeValue.ts";
import { checkName } from "../model/names.ts";
import { maxPartitions } from "../model/partition.ts";
import { roundRobin } from "../model/partitionSelectors/roundRobin.ts";
import { json } from "../model/serializers/json.ts";
import type { BinaryFunctions, TextFunctions } from "../model/serializers/serializeWith.ts";
import type { TopicHandle } from "../model/topicHandle.ts";
import { acceptAll } from "../model/validators/acceptAll.ts";
import type { ValidateFunction } from "../model/validators/fromFunction.ts";
import { isStandardSchema, standardSchema } from "../model/validators/standardSchema.ts";
import { answerNow } from "./answerNow.ts";
import { FaultPlan } from "./faultPlan.ts";
import { FaultyTopic } from "./faultyTopic.ts";
import { Journal } from "./journal.ts";

/** The options of {@link testTopic}. */
export interface TestTopicOptions<M = unknown> {
  /** Where it is stored: a backend that answers at once, such as `memoryBackend()`, with faults or without. */
  readonly backend: Backend;
  /** Its name. @default "topic" */
  readonly name?: string | undefined;
  /** How many partitions, from 1 to 65536. @default 1 */
  readonly partitions?: number | undefined;
  /** Checks events: a validator, a Standard Schema, a function that throws. @default accept all */
  readonly validator?: Validator<M> | StandardSchemaV1<unknown, M> | ValidateFunction<M> | undefined;
  /** Chooses the partition of each event. @default round robin */
  readonly partitionSelector?: PartitionSelector<M> | SelectPartition<M> | undefined;
  /** Writes and reads metadata. @default JSON */
  readonly serializer?: Serializer<M> | TextFunctions<M> | BinaryFunctions<M> | undefined;
  /** What the topic may drop. @default nothing */
  readonly retention?: Retention | undefined;
}

/**
 * Creates a topic at once, without a promise, for `produce`, `consume` and the other operators. So it can be made inside
 * {@link runMarbles}, where virtual time moves no promise.
 *
 * @typeParam M - The metadata of its events.
 * @param options - The backend, and what the topic is.
 * @returns The topic. Its acknowledgements are noted for {@link acknowledged}.
 * @throws TypeError or RangeError when an option is wrong: a validator that has to be loaded first, as for a JSON Schema, is
 * made with `await loadJsonSchema(…)` before. SluiceError `ERR_TOPIC_EXISTS`, and `ERR_UNSUPPORTED` when the backend does
 * not answer at once.
 *
 * @example
 * ```ts
 * import { memoryBackend } from "sluice/backends/memory";
 * import { testTopic } from "sluice/testing";
 *
 * const topic = testTopic<{ n: number }>({
 *   backend: memoryBackend(),
 *   partitions: 2,
 *   partitionSelector: ({ n }, partitions) => n % partitions.length,
 * });
 * console.log(topic.name, topic.backend.partitions.length); // topic 2
 * ```
 */
export function testTopic<M = unknown>(options: TestTopicOptions<M>): TopicHandle<M> {
  const { backend, name = "topic", partitions = 1, retention } = options;
  checkName("topic", name);
  checkInteger("partitions", partitions, 1, maxPartitions);
  const components: TopicComponents<M> = {
    validator: isStandardSchema(options.validator)
      ? standardSchema<M>(options.validator)
      : (componentOf("validator", options.validator, acceptAll) as Validator<M>),
    partitionSelector: componentOf("partitionSelector", options.partitionSelector, roundRobin),
    serializer: componentOf("serializer", options.serializer, json) as Serializer<M>,
  };
  const { validator, partitionSelector, serializer } = components;
  const specs = { validator: validator.spec, partitionSelector: partitionSelector.spec, serializer: serializer.spec };
  const config = { partitions, components: specs, ...(retention && { retention }) };
  const made = answerNow(backend.createTopic(name, config), "'backend.createTopic'");
  const noted = made instanceof FaultyTopic ? made : new FaultyTopic(made, new FaultPlan(), new Journal());
  return { name, backend: noted, components };
}

function componentOf<K extends ComponentKind>(kind: K, input: unknown, fallback: () => ComponentOf[K]): ComponentOf[K] {
  if (input === undefined) return fallback();
  const { spec = { type: "function" } } = Object(input) as { readonly spec?: ComponentSpec };
  const component = adapt(kind, input, spec);
  if (component !== undefined) return component;
  throw new TypeError(
    `'${kind}' must be ${shapeOf(kind)} that needs no loading: current value is ${describeValue(input)}`,
  );
}
