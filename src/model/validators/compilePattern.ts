import { describeValue } from "../describeValue.ts";
import { type PointerSegment, toPointer } from "../jsonPointer.ts";
import { compileRule, describeRule, patternOperators, type ValueTest } from "./patternRule.ts";

/** The alternatives of one field. @internal */
export interface LeafNode {
  readonly kind: "leaf";
  /** The name of the field. */
  readonly key: string;
  /** The names from the root down to the field. */
  readonly keys: readonly string[];
  /** The alternatives, for a value that is there. */
  readonly tests: readonly ValueTest[];
  /** Whether the field may be missing. */
  readonly mayBeAbsent: boolean;
  /** The alternatives, for a message. */
  readonly rule: string;
}

/** A field that holds an object, or a list of them. @internal */
export interface ObjectNode {
  readonly kind: "object";
  /** The name of the field. */
  readonly key: string;
  /** What is asked of the object. */
  readonly fields: readonly PatternNode[];
}

/** Patterns of which one must match. @internal */
export interface OrNode {
  readonly kind: "or";
  /** The patterns. */
  readonly alternatives: readonly (readonly PatternNode[])[];
}

/** A part of a compiled pattern. @internal */
export type PatternNode = LeafNode | ObjectNode | OrNode;

/**
 * Compiles an event pattern.
 *
 * @throws TypeError or RangeError, with the path in the pattern, when it is malformed.
 * @internal
 */
export function compilePattern(pattern: unknown): readonly PatternNode[] {
  return compileFields(pattern, [], []);
}

/** `path` leads to the place in the pattern, `keys` to the field in the metadata: they differ below `$or`. */
function compileFields(
  pattern: unknown,
  path: readonly PointerSegment[],
  keys: readonly string[],
): readonly PatternNode[] {
  if (typeof pattern !== "object" || pattern === null || Array.isArray(pattern)) {
    throw new TypeError(`${at(path)} must be an object: current value is ${describeValue(pattern)}`);
  }
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new RangeError(`${at(path)} must name at least one field`);
  return entries.map(([key, value]) => compileField(key, value, [...path, key], keys));
}

function compileField(
  key: string,
  value: unknown,
  path: readonly PointerSegment[],
  keys: readonly string[],
): PatternNode {
  if (key === "$or") return compileOr(value, path, keys);
  const fieldKeys = [...keys, key];
  if (Array.isArray(value)) return compileLeaf(key, value, path, fieldKeys);
  if (typeof value === "object" && value !== null) {
    return { kind: "object", key, fields: compileFields(value, path, fieldKeys) };
  }
  const hint = patternOperators.includes(key) ? ` (an operator stands in a list: [{ "${key}": … }])` : "";
  throw new TypeError(
    `${at(path)} must be a list of alternatives or an object${hint}: current value is ${describeValue(value)}`,
  );
}

function compileOr(value: unknown, path: readonly PointerSegment[], keys: readonly string[]): OrNode {
  if (!Array.isArray(value))
    throw new TypeError(`${at(path)} must be a list of patterns: current value is ${describeValue(value)}`);
  if (value.length < 2)
    throw new RangeError(`${at(path)} must list at least two patterns: current value is ${describeValue(value)}`);
  return {
    kind: "or",
    alternatives: value.map((alternative, index) => compileFields(alternative, [...path, index], keys)),
  };
}

function compileLeaf(
  key: string,
  rules: readonly unknown[],
  path: readonly PointerSegment[],
  keys: readonly string[],
): LeafNode {
  if (rules.length === 0) throw new RangeError(`${at(path)} must list at least one alternative`);
  return {
    kind: "leaf",
    key,
    keys,
    tests: rules.map((rule, index) => compileRule(rule, at([...path, index]))),
    mayBeAbsent: rules.some((rule) => (rule as { exists?: unknown } | null)?.exists === false),
    rule: rules.map(describeRule).join(" or "),
  };
}

function at(path: readonly PointerSegment[]): string {
  return path.length === 0 ? "The event pattern" : `The event pattern at ${toPointer(path)}`;
}
