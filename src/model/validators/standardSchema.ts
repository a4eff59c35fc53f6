import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Validator } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import type { SluiceError } from "../errors.ts";
import { isPromiseLike } from "../isPromiseLike.ts";
import { toPointer } from "../jsonPointer.ts";
import { mapError } from "../mapError.ts";
import { asRejection, rejection } from "./rejection.ts";

/**
 * Makes a validator from a schema of any library that speaks Standard Schema: Zod, Valibot, ArkType and others.
 *
 * What the schema puts out is what gets stored, so defaults and transformations take effect. The schema is code and
 * cannot be stored: whoever opens the topic elsewhere hands it in again.
 *
 * @param schema - A Standard Schema, version 1. When it answers synchronously, so does the validator.
 * @returns A validator that is stored as `{ type: "function", vendor }`. It rejects with `ERR_INVALID_METADATA`:
 * `details.path` (a JSON pointer) and `details.rule` are those of the first issue, `details.issues` lists all.
 * @throws TypeError when `schema` is not a Standard Schema.
 *
 * @example
 * ```ts
 * import { EventData, standardSchema } from "sluice";
 *
 * const energy = {
 *   "~standard": {
 *     version: 1,
 *     vendor: "example",
 *     validate: (value: unknown) =>
 *       typeof value === "number" ? { value } : { issues: [{ message: "must be a number" }] },
 *   },
 * } as const;
 * console.log(standardSchema(energy).validate(7, EventData.empty)); // 7
 * ```
 */
export function standardSchema<Output>(schema: StandardSchemaV1<unknown, Output>): Validator<Output> {
  if (!isStandardSchema(schema)) {
    throw new TypeError(`'schema' must be a Standard Schema: current value is ${describeValue(schema)}`);
  }
  const standard = schema["~standard"];
  return {
    spec: { type: "function", vendor: standard.vendor },
    validate(metadata) {
      const result = mapError(() => standard.validate(metadata), asRejection);
      return isPromiseLike(result) ? result.then(outputOf) : outputOf(result);
    },
  };
}

/** Whether a value is a Standard Schema. Some libraries make theirs callable, so a function may be one. @internal */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as { "~standard"?: { version?: unknown; validate?: unknown } })["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
}

function outputOf<Output>(result: StandardSchemaV1.Result<Output>): Output {
  if (result.issues) throw toRejection(result.issues);
  return result.value;
}

function toRejection(issues: readonly StandardSchemaV1.Issue[]): SluiceError {
  const list = issues.map((issue) => ({ path: pathOf(issue), rule: issue.message }));
  const { path, rule } = list[0] ?? { path: "", rule: "no reason given" };
  return rejection(path, rule, `is refused by the schema: ${rule}`, { details: { issues: list } });
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  return toPointer((issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment)));
}
