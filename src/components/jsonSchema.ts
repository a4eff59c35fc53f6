import type { Ajv, Logger, Options, ValidateFunction } from "ajv";
import type { Validator } from "../model/component.ts";
import { describeValue } from "../model/describeValue.ts";
import { messageOf } from "../model/mapError.ts";
import type { InferJsonSchema, JsonSchemaObject } from "../model/validators/inferJsonSchema.ts";
import { importOptional } from "./importOptional.ts";
import { jsonSchemaRejection } from "./jsonSchemaRejection.ts";
import { nearestName } from "./nearestName.ts";

/**
 * Makes a validator from a JSON Schema. It needs the optional package `ajv` (version 8), which is loaded when this is called.
 *
 * `$schema` chooses the draft: draft-07, which is also the default, 2019-09 or 2020-12. As the standard says, `format` is
 * an annotation and keywords that nobody knows are ignored, but one that is a letter or two off a known keyword is taken
 * for the mistake that it is. Only own properties of an object count, and the metadata is never changed (`default` fills nothing in).
 *
 * @param schema - The schema. It has to stand alone: a `$ref` may point inside it only.
 * @returns A validator that is stored as `{ type: "json-schema", schema }`. It rejects with `ERR_INVALID_METADATA`;
 * `details.path` is a JSON pointer (of the property itself when one is missing or not allowed), `details.rule` the keyword with its
 * value, such as `"maximum: 100"`, and `details.issues` lists every rule that was found broken.
 * @throws TypeError when the schema is malformed, SluiceError `ERR_MISSING_DEPENDENCY` when `ajv` is not installed.
 *
 * @example
 * ```ts
 * import { EventData, loadJsonSchema } from "sluice";
 *
 * const validator = await loadJsonSchema({
 *   type: "object",
 *   properties: { energy: { type: "number", maximum: 100 } },
 *   required: ["energy"],
 * });
 * console.log(validator.validate({ energy: 7 }, EventData.empty)); // { energy: 7 }
 * ```
 */
export async function loadJsonSchema<const S extends JsonSchemaObject>(
  schema: S,
): Promise<Validator<InferJsonSchema<S>>> {
  if (typeof schema !== "object" || schema === null) {
    throw new TypeError(`A JSON Schema must be an object: current value is ${describeValue(schema)}`);
  }
  const Compiler = await importOptional("ajv", "A JSON Schema", () => importDraft(schema.$schema));
  const validate = compile(Compiler, schema);
  return {
    spec: { type: "json-schema", schema },
    validate(metadata) {
      if (validate(metadata)) return metadata as InferJsonSchema<S>;
      throw jsonSchemaRejection(validate.errors ?? []);
    },
  };
}

type Compiler = new (options: Options) => Ajv;

async function importDraft(draft: unknown): Promise<Compiler> {
  if (typeof draft === "string" && draft.includes("/draft/2020-12/")) return (await import("ajv/dist/2020.js")).Ajv2020;
  if (typeof draft === "string" && draft.includes("/draft/2019-09/")) return (await import("ajv/dist/2019.js")).Ajv2019;
  return (await import("ajv")).Ajv;
}

function compile(Compiler: Compiler, schema: JsonSchemaObject): ValidateFunction {
  const warnings: string[] = [];
  const ajv = new Compiler({
    strictSchema: "log",
    strictTypes: false,
    strictTuples: false,
    allowUnionTypes: true,
    validateFormats: false,
    ownProperties: true,
    verbose: true,
    logger: collect(warnings),
  });
  // Such a schema would answer with a promise, which is not false: everything would be accepted.
  if ("$async" in schema) throw new TypeError("A JSON Schema must not use '$async'");
  try {
    const validate = ajv.compile(schema);
    checkKeywords(warnings, Object.keys(ajv.RULES.keywords));
    return validate;
  } catch (cause) {
    throw new TypeError(`The JSON Schema cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** A mistyped keyword would be ignored in silence, and the rule with it. */
function checkKeywords(warnings: readonly string[], known: readonly string[]): void {
  for (const warning of warnings) {
    const [, keyword = ""] = /unknown keyword: "(.*)"/.exec(warning) ?? [];
    const meant = keyword.length < 4 ? undefined : nearestName(keyword, known, 2);
    if (meant !== undefined) throw new TypeError(`unknown keyword "${keyword}", did you mean "${meant}"?`);
  }
}

function collect(warnings: string[]): Logger {
  const add = (message: unknown): void => void warnings.push(String(message));
  return { log: add, warn: add, error: add };
}
