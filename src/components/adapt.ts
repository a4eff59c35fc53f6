import type { ComponentSpec, PartitionSelector, Serializer, Validator } from "../model/component.ts";
import { isPromiseLike } from "../model/isPromiseLike.ts";
import { mapError } from "../model/mapError.ts";
import { checked, selectWith } from "../model/partitionSelectors/selectWith.ts";
import { type BinaryFunctions, guarded } from "../model/serializers/serializeWith.ts";
import { fromFunction, type ValidateFunction } from "../model/validators/fromFunction.ts";
import { asRejection } from "../model/validators/rejection.ts";
import type { ComponentKind } from "./types.ts";

/** The ready component of each kind. @internal */
export interface ComponentOf<M = unknown> {
  /** A validator. */
  readonly validator: Validator<M>;
  /** A partition selector. */
  readonly partitionSelector: PartitionSelector<M>;
  /** A serializer. */
  readonly serializer: Serializer<M>;
}

/** What a component of each kind looks like at least, for messages. */
const shapes: Readonly<Record<ComponentKind, string>> = {
  validator: "a function or an object with 'validate'",
  partitionSelector: "a function or an object with 'select' or 'start'",
  serializer: "an object with 'serialize', 'deserialize' and 'form'",
};

const adapters: { readonly [K in ComponentKind]: (like: unknown, spec: ComponentSpec) => ComponentOf[K] | undefined } =
  {
    validator: adaptValidator,
    partitionSelector: adaptPartitionSelector,
    serializer: adaptSerializer,
  };

/**
 * Makes a component of something like one that others wrote: errors get their code, and answers are checked.
 *
 * @param like - A plain function, or an object with the methods of the component.
 * @param spec - How the topic stores the component.
 * @returns Undefined when it is nothing like a component. {@link shapeOf} says what it should have been.
 * @internal
 */
export function adapt<K extends ComponentKind>(
  kind: K,
  like: unknown,
  spec: ComponentSpec,
): ComponentOf[K] | undefined {
  return adapters[kind](like, spec);
}

/** What a component of a kind looks like, for a message. @internal */
export function shapeOf(kind: ComponentKind): string {
  return shapes[kind];
}

function adaptValidator(like: unknown, spec: ComponentSpec): Validator | undefined {
  if (typeof like === "function") return { ...fromFunction(like as ValidateFunction), spec };
  if (!hasMethods<Validator>(like, "validate")) return undefined;
  return {
    spec,
    validate(metadata, data) {
      const answer = mapError(() => like.validate(metadata, data), asRejection);
      return isPromiseLike(answer) ? answer.then((value) => valueOr(value, metadata)) : valueOr(answer, metadata);
    },
  };
}

/** A validator that answers with nothing leaves the metadata as it is. */
function valueOr(value: unknown, metadata: unknown): unknown {
  return value === undefined ? metadata : value;
}

function adaptPartitionSelector(like: unknown, spec: ComponentSpec): PartitionSelector | undefined {
  if (typeof like === "function") return { ...selectWith(like as ReturnType<PartitionSelector["start"]>), spec };
  if (hasMethods<PartitionSelector>(like, "start")) return { spec, start: () => checked(like.start()) };
  if (!hasMethods<{ select: ReturnType<PartitionSelector["start"]> }>(like, "select")) return undefined;
  return {
    spec,
    start: () => checked((metadata, partitions, requested) => like.select(metadata, partitions, requested)),
  };
}

function adaptSerializer(like: unknown, spec: ComponentSpec): Serializer | undefined {
  if (!hasMethods<BinaryFunctions>(like, "serialize", "deserialize")) return undefined;
  return (like.form as string) === "text" || like.form === "bytes" ? guarded(like, spec) : undefined;
}

/** Methods may be inherited: a class is as good as a literal. @internal */
export function hasMethods<T>(value: unknown, ...names: string[]): value is T {
  if (typeof value !== "object" || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}
