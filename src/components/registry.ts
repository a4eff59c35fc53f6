import { checkChoice, checkFunction } from "../model/check.ts";
import type { ComponentSpec } from "../model/component.ts";
import { describeValue } from "../model/describeValue.ts";
import type { ByKeyOptions } from "../model/partitionSelectors/byKey.ts";
import type { JsonSchemaObject } from "../model/validators/inferJsonSchema.ts";
import type { EventPattern } from "../model/validators/patternTypes.ts";
import type { ComponentKind } from "./types.ts";

/**
 * Makes a component from what a topic has stored of it. It returns a component, or something like one: a function, or an
 * object with the methods of the component. It may be asynchronous.
 */
export type ComponentFactory = (spec: ComponentSpec) => unknown;

/** The types that are names of JSON Schema types, and so mean a plain JSON Schema. */
const jsonTypes = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** The built-in components are entries like any other. Each loads its code when it is first wanted. */
const factories: Readonly<Record<ComponentKind, Map<string, ComponentFactory>>> = {
  validator: new Map<string, ComponentFactory>([
    ["accept-all", async () => (await import("../model/validators/acceptAll.ts")).acceptAll()],
    [
      "event-pattern",
      async (spec) =>
        (await import("../model/validators/eventPattern.ts")).eventPattern(spec["pattern"] as EventPattern),
    ],
    [
      "json-schema",
      async (spec) => (await import("./jsonSchema.ts")).loadJsonSchema(spec["schema"] as JsonSchemaObject),
    ],
  ]),
  partitionSelector: new Map<string, ComponentFactory>([
    ["round-robin", async () => (await import("../model/partitionSelectors/roundRobin.ts")).roundRobin()],
    [
      "by-key",
      async (spec) =>
        (await import("../model/partitionSelectors/byKey.ts")).byKey(spec["key"] as string, spec as ByKeyOptions),
    ],
  ]),
  serializer: new Map<string, ComponentFactory>([
    ["json", async () => (await import("../model/serializers/json.ts")).json()],
    ["text", async () => (await import("../model/serializers/text.ts")).text()],
    [
      "packed",
      async (spec) => (await import("../model/serializers/packed.ts")).packed(spec["schema"] as JsonSchemaObject),
    ],
    ["cbor", async () => (await import("./cbor.ts")).loadCbor()],
  ]),
};

/**
 * Adds a type of component of your own, so that topics can store it by name. It is known to this process until it is removed:
 * every process that opens such a topic registers the type first.
 *
 * @param kind - `"validator"`, `"partitionSelector"` or `"serializer"`.
 * @param type - The name, without a colon: `"acme-range"`.
 * @param factory - Makes the component from what is stored, `{ type, ...config }`.
 * @returns A function that removes the type again.
 * @throws TypeError or RangeError when an argument is wrong, or the type is taken: by another, by a built-in one, by the names of JSON
 * Schema's types, or by `"function"`.
 *
 * @example
 * ```ts
 * import { EventData, registerComponent, resolveValidator } from "sluice";
 *
 * const remove = registerComponent("validator", "acme-range", ({ max }) => (metadata: { energy: number }) => {
 *   if (metadata.energy > Number(max)) throw new Error(`more than ${max}`);
 * });
 * const validator = await resolveValidator({ type: "acme-range", max: 7 });
 * console.log(validator.validate({ energy: 5 }, EventData.empty)); // { energy: 5 }
 * remove();
 * ```
 */
export function registerComponent(kind: ComponentKind, type: string, factory: ComponentFactory): () => void {
  checkChoice("kind", kind, ["validator", "partitionSelector", "serializer"]);
  checkFunction("factory", factory);
  if (typeof type !== "string") throw new TypeError(`'type' must be a string: current value is ${describeValue(type)}`);
  if (type === "" || type.includes(":"))
    throw new RangeError(`'type' must be a name without a colon: current value is ${describeValue(type)}`);
  if (type === "function" || jsonTypes.includes(type) || factories[kind].has(type)) {
    throw new RangeError(`'type' must be a name that is not taken: current value is ${describeValue(type)}`);
  }
  factories[kind].set(type, factory);
  return () => {
    if (factories[kind].get(type) === factory) factories[kind].delete(type);
  };
}

/** The factory of a type, when it is known. @internal */
export function factoryOf(kind: ComponentKind, type: string): ComponentFactory | undefined {
  return factories[kind].get(type);
}

/** The types that are known. @internal */
export function knownTypes(kind: ComponentKind): readonly string[] {
  return [...factories[kind].keys()];
}

/** Whether a type is one of JSON Schema's own. @internal */
export function isJsonType(type: unknown): boolean {
  return typeof type === "string" && jsonTypes.includes(type);
}
