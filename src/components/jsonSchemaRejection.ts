import type { ErrorObject } from "ajv";
import { describeValue } from "../model/describeValue.ts";
import type { SluiceError } from "../model/errors.ts";
import { toPointer } from "../model/jsonPointer.ts";
import { rejection } from "../model/validators/rejection.ts";

/** The parameter in which ajv names the property that an error is about, where that is not the value itself. */
const namedProperty: ReadonlyMap<string, string> = new Map([
  ["required", "missingProperty"],
  ["dependencies", "missingProperty"],
  ["dependentRequired", "missingProperty"],
  ["additionalProperties", "additionalProperty"],
  ["unevaluatedProperties", "unevaluatedProperty"],
  ["propertyNames", "propertyName"],
]);

/**
 * The rejection for what ajv found.
 *
 * @param errors - Ajv's errors. Inside `anyOf` and the like there is one of each branch, and then one of the keyword itself.
 * @internal
 */
export function jsonSchemaRejection(errors: readonly ErrorObject[]): SluiceError {
  const issues = errors.map((error) => ({ path: pathOf(error), rule: ruleOf(error) }));
  const worst = deepest(errors);
  if (worst === undefined) return rejection("", "schema", "does not match the schema");
  return rejection(pathOf(worst), ruleOf(worst), reasonOf(worst), { details: { issues } });
}

/** The error that lies deepest in the metadata, and the last one of several: it sums up those before it. */
function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  return errors.reduce<ErrorObject | undefined>(
    (best, error) => (best === undefined || depthOf(error) >= depthOf(best) ? error : best),
    undefined,
  );
}

function depthOf(error: ErrorObject): number {
  return pathOf(error).split("/").length;
}

function pathOf(error: ErrorObject): string {
  const property = propertyOf(error);
  return property === undefined ? error.instancePath : `${error.instancePath}${toPointer([property])}`;
}

function propertyOf({ keyword, params }: ErrorObject): string | undefined {
  const name = namedProperty.get(keyword);
  const property: unknown = name === undefined ? undefined : params[name];
  return typeof property === "string" ? property : undefined;
}

function ruleOf({ keyword, schema, propertyName }: ErrorObject): string {
  const rule =
    keyword === "required" ? "required" : `${keyword}: ${typeof schema === "string" ? schema : describeValue(schema)}`;
  return propertyName === undefined ? rule : `propertyNames ${rule}`;
}

function reasonOf(error: ErrorObject): string {
  if (error.keyword === "required") return "is required and missing";
  if (error.keyword === "dependencies" || error.keyword === "dependentRequired")
    return `is missing: ${error.message ?? ""}`;
  if (propertyOf(error) !== undefined) return `is not allowed (${ruleOf(error)})`;
  return `${error.message ?? "is refused"} (${ruleOf(error)}): current value is ${describeValue(error.data)}`;
}
