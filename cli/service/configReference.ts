import type { ConfigSchema } from "./configSchema.ts";

/**
 * The reference of a configuration as a part of a page of documentation.
 *
 * @param schema - Its schema.
 */
export function configReference(schema: ConfigSchema): string {
  const { properties = {} } = schema;
  const keys = Object.entries(properties).filter(([key]) => key !== "$schema");
  return keys.map(([key, each]) => section(key, each)).join("\n\n");
}

function section(key: string, schema: ConfigSchema): string {
  const rows = rowsOf(key, schema, false);
  // What a table or list is for stands above it already.
  return `### ${key}\n\n${schema.description ?? ""}\n\n${table(rows.length > 1 ? rows.slice(1) : rows)}`;
}

/** One row for each value, with its way from the top. */
function rowsOf(path: string, schema: ConfigSchema, isRequired: boolean): string[][] {
  const { type, properties, items, additionalProperties, oneOf } = schema;
  if (oneOf !== undefined) {
    return oneOf.flatMap((each) => {
      const kind = each.properties?.["type"]?.const ?? "";
      return [[`\`${path}\``, `type: ${kind}`, each.description ?? "", ""], ...propertyRows(path, each)];
    });
  }
  if (items !== undefined) return [row(path, schema, isRequired), ...below(`${path}[]`, items)];
  if (additionalProperties !== undefined && additionalProperties !== false) {
    return [row(path, schema, isRequired), ...below(`${path}.<name>`, additionalProperties)];
  }
  if (type === "object" && properties !== undefined)
    return [row(path, schema, isRequired), ...propertyRows(path, schema)];
  return [row(path, schema, isRequired)];
}

/** What is plain needs no row of its own beneath its list. */
function below(path: string, schema: ConfigSchema): string[][] {
  return schema.oneOf === undefined && schema.properties === undefined
    ? []
    : rowsOf(path, schema, false).slice(schema.oneOf ? 0 : 1);
}

function propertyRows(path: string, { properties = {}, required = [] }: ConfigSchema): string[][] {
  return Object.entries(properties)
    .filter(([key, { const: value }]) => !(key === "type" && value !== undefined))
    .flatMap(([key, each]) => rowsOf(`${path}.${key}`, each, required.includes(key)));
}

function row(path: string, schema: ConfigSchema, isRequired: boolean): string[] {
  const { default: byDefault } = schema;
  const standard = isRequired ? "required" : byDefault === undefined ? "" : `\`${String(byDefault)}\``;
  return [`\`${path}\``, typeOf(schema), schema.description ?? "", standard];
}

function typeOf({ type, enum: choices, items, pattern }: ConfigSchema): string {
  if (choices !== undefined) return choices.join(", ");
  if (type === "array") return items?.enum === undefined ? "list" : `list of ${items.enum.join(", ")}`;
  if (type === "object") return "table";
  if (type === "integer") return "whole number";
  if (type === "boolean") return "true, false";
  return pattern === undefined ? "text" : `text, \`${pattern.replaceAll("|", "\\|")}\``;
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = [["key", "value", "what it is", "default"], ["---", "---", "---", "---"], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |")).join("\n");
}
