import type { ComponentSpec, PartitionSelector, Serializer, Validator } from "../model/component.ts";
import { describeValue } from "../model/describeValue.ts";
import { SluiceError } from "../model/errors.ts";
import { roundRobin } from "../model/partitionSelectors/roundRobin.ts";
import { selectWith } from "../model/partitionSelectors/selectWith.ts";
import { json } from "../model/serializers/json.ts";
import { acceptAll } from "../model/validators/acceptAll.ts";
import { fromFunction } from "../model/validators/fromFunction.ts";
import type { JsonSchemaObject } from "../model/validators/inferJsonSchema.ts";
import { isStandardSchema, standardSchema } from "../model/validators/standardSchema.ts";
import { adapt, type ComponentOf, hasMethods, shapeOf } from "./adapt.ts";
import { isModuleType, loadComponentModule, type ModuleOptions } from "./module.ts";
import { nearestName } from "./nearestName.ts";
import { factoryOf, isJsonType, knownTypes } from "./registry.ts";
import { isSchemaInput } from "./schema.ts";
import { schemaMark } from "./schemaMark.ts";
import type { ComponentKind, PartitionSelectorInput, SerializerInput, ValidatorInput } from "./types.ts";

/** How components are resolved. */
export interface ResolveOptions extends ModuleOptions {
  /**
   * Components that may be missing: where a topic has stored `{ type: "function" }` and nothing was handed in, the default
   * stands in (every event is accepted, partitions take turns, metadata is JSON).
   *
   * @default []
   */
  readonly waive?: readonly ComponentKind[];
}

const names: Readonly<Record<ComponentKind, string>> = {
  validator: "validator",
  partitionSelector: "partition selector",
  serializer: "serializer",
};

const defaults: { readonly [K in ComponentKind]: () => ComponentOf[K] } = {
  validator: acceptAll,
  partitionSelector: roundRobin,
  serializer: json,
};

/** Keywords that make an object without a `type` a JSON Schema. */
const schemaKeywords = [
  "$schema",
  "$ref",
  "properties",
  "required",
  "anyOf",
  "oneOf",
  "allOf",
  "enum",
  "const",
  "not",
  "if",
  "items",
];

/**
 * Makes the validator of a topic from whatever was given for it.
 *
 * @param input - Nothing (every event is accepted), or any form of {@link ValidatorInput}.
 * @param options - See {@link ResolveOptions}.
 * @throws SluiceError `ERR_COMPONENT` when a stored type is not known or its module cannot be used, `ERR_COMPONENT_MISSING` when only the
 * fact that there was a function is stored, `ERR_MISSING_DEPENDENCY` when an optional package is not installed.
 * @throws TypeError or RangeError when the input is none of the forms, or its configuration is malformed.
 *
 * @example
 * ```ts
 * import { EventData, resolveValidator } from "sluice";
 *
 * const validator = await resolveValidator({ type: "event-pattern", pattern: { energy: [{ numeric: ["<", 100] }] } });
 * console.log(validator.validate({ energy: 7 }, EventData.empty)); // { energy: 7 }
 * ```
 */
export async function resolveValidator<M = unknown>(
  input?: ValidatorInput<M>,
  options: ResolveOptions = {},
): Promise<Validator<M>> {
  const given: unknown = isSchemaInput(input) ? input[schemaMark] : input;
  // Some schemas are callable, so they are looked for before functions.
  if (isStandardSchema(given)) return standardSchema(given) as Validator<M>;
  if (typeof given === "function") return fromFunction(given as (metadata: M) => void);
  if (isJsonSchema(given)) return (await import("./jsonSchema.ts")).loadJsonSchema(given) as Promise<Validator<M>>;
  return (await resolveObject("validator", given, options)) as Validator<M>;
}

/**
 * Makes the partition selector of a topic from whatever was given for it.
 *
 * @param input - Nothing (partitions take turns), or any form of {@link PartitionSelectorInput}.
 * @param options - See {@link ResolveOptions}.
 * @throws The same errors as {@link resolveValidator}.
 *
 * @example
 * ```ts
 * import { resolvePartitionSelector } from "sluice";
 *
 * const selector = await resolvePartitionSelector({ type: "by-key", key: "detector" });
 * console.log(selector.start()({ detector: "foobar" }, [{ partition: 0 }, { partition: 1 }, { partition: 2 }], undefined)); // 0
 * ```
 */
export async function resolvePartitionSelector<M = unknown>(
  input?: PartitionSelectorInput<M>,
  options: ResolveOptions = {},
): Promise<PartitionSelector<M>> {
  if (typeof input === "function") return selectWith(input);
  return resolveObject("partitionSelector", input, options);
}

/**
 * Makes the serializer of a topic from whatever was given for it.
 *
 * @param input - Nothing (metadata is JSON), or any form of {@link SerializerInput}.
 * @param options - See {@link ResolveOptions}.
 * @throws The same errors as {@link resolveValidator}.
 *
 * @example
 * ```ts
 * import { resolveSerializer } from "sluice";
 *
 * const serializer = await resolveSerializer({ type: "text" });
 * console.log(serializer.form); // text
 * ```
 */
export async function resolveSerializer<M = unknown>(
  input?: SerializerInput<M>,
  options: ResolveOptions = {},
): Promise<Serializer<M>> {
  return (await resolveObject("serializer", input, options)) as Serializer<M>;
}

/** What the three have in common: nothing at all, a component, something like one, or a stored spec. */
async function resolveObject<K extends ComponentKind>(
  kind: K,
  input: unknown,
  options: ResolveOptions,
): Promise<ComponentOf[K]> {
  if (input === undefined) return defaults[kind]();
  const like = adapt(kind, input, { type: "function" });
  if (like !== undefined) return hasSpec(input) ? (input as ComponentOf[K]) : like;
  if (isSpec(input)) return resolveSpec(kind, input, options);
  throw new TypeError(
    `The ${names[kind]} of a topic must be ${shapeOf(kind)}, or an object with a 'type': current value is ${describeValue(input)}`,
  );
}

async function resolveSpec<K extends ComponentKind>(
  kind: K,
  spec: ComponentSpec,
  options: ResolveOptions,
): Promise<ComponentOf[K]> {
  const { type } = spec;
  if (type === "function") return resolveMissing(kind, spec, options);
  if (isModuleType(type)) return loadComponentModule(kind, spec, options);
  const factory = factoryOf(kind, type);
  if (factory === undefined) throw unknownType(kind, type);
  const made = await factory(spec);
  // Whatever else the factory's component says of itself, it is stored under the type that was asked for.
  const component = hasSpec(made, type) ? (made as ComponentOf[K]) : adapt(kind, made, spec);
  if (component !== undefined) return component;
  throw new SluiceError(
    "ERR_COMPONENT",
    `The ${names[kind]} "${type}" must be ${shapeOf(kind)}: current value is ${describeValue(made)}`,
    {
      details: { kind, type },
    },
  );
}

function resolveMissing<K extends ComponentKind>(
  kind: K,
  spec: ComponentSpec,
  { waive = [] }: ResolveOptions,
): ComponentOf[K] {
  if (waive.includes(kind)) return defaults[kind]();
  const vendor = typeof spec["vendor"] === "string" ? ` (a schema of ${spec["vendor"]})` : "";
  throw new SluiceError(
    "ERR_COMPONENT_MISSING",
    `The ${names[kind]} was a plain function${vendor}, which cannot be stored: hand it in again when opening the topic, or waive it by name`,
    { details: { kind, spec } },
  );
}

function unknownType(kind: ComponentKind, type: string): SluiceError {
  const known = knownTypes(kind);
  const nearest = nearestName(type, known);
  return new SluiceError(
    "ERR_COMPONENT",
    `There is no ${names[kind]} of type ${describeValue(type)}, did you mean "${nearest}"?`,
    {
      details: { kind, type, nearest, known },
    },
  );
}

function isJsonSchema(value: unknown): value is JsonSchemaObject {
  if (typeof value !== "object" || value === null || Array.isArray(value) || hasMethods(value, "validate"))
    return false;
  const { type } = value as { type?: unknown };
  if (typeof type === "string") return isJsonType(type);
  if (Array.isArray(type)) return type.length > 0 && type.every(isJsonType);
  return schemaKeywords.some((keyword) => Object.hasOwn(value, keyword));
}

function isSpec(value: unknown): value is ComponentSpec {
  return typeof value === "object" && value !== null && typeof (value as ComponentSpec).type === "string";
}

function hasSpec(value: unknown, type?: string): boolean {
  const spec = typeof value === "object" && value !== null ? (value as { spec?: unknown }).spec : undefined;
  return isSpec(spec) && (type === undefined || spec.type === type);
}
