import { describeValue } from "../describeValue.ts";
import { cidr } from "./cidr.ts";
import { numericRule } from "./numericRule.ts";
import { wildcard } from "./wildcard.ts";

/** Tells whether a value is accepted. @internal */
export type ValueTest = (value: unknown) => boolean;

type TextTest = (text: string) => boolean;
type Compile<Test> = (argument: string, where: string) => Test;

/** Operators that compare a text with a text. They also serve below `anything-but`. */
const textOperators: ReadonlyMap<string, Compile<TextTest>> = new Map<string, Compile<TextTest>>([
  ["prefix", (prefix) => (text) => text.startsWith(prefix)],
  ["suffix", (suffix) => (text) => text.endsWith(suffix)],
  ["equals-ignore-case", (wanted) => ignoringCase(wanted, (text, folded) => text === folded)],
  ["wildcard", (pattern, where) => compileWildcard(pattern, where)],
]);

const otherOperators: ReadonlyMap<string, (argument: unknown, where: string) => ValueTest> = new Map([
  ["anything-but", anythingBut],
  ["numeric", numericRule],
  ["cidr", compileCidr],
  ["exists", compileExists],
]);

/** The names of all operators. @internal */
export const patternOperators: readonly string[] = [...textOperators.keys(), ...otherOperators.keys()];

/**
 * Compiles one alternative of a field: a value, or an object with one operator. `{ exists: false }` is not asked of a
 * value, so the caller handles it.
 *
 * @param where - The start of an error's message, with the path in the pattern.
 * @internal
 */
export function compileRule(rule: unknown, where: string): ValueTest {
  if (isExact(rule)) return (value) => value === rule;
  if (typeof rule === "number") throw new RangeError(`${where} must be a finite number: current value is ${rule}`);
  const [operator, argument] = onlyEntry(rule, where, patternOperators);
  const inner = `${where}/${operator}`;
  return otherOperators.get(operator)?.(argument, inner) ?? compileText(operator, argument, inner);
}

/** One alternative as the message of a rejection shows it. @internal */
export function describeRule(rule: unknown): string {
  if (typeof rule !== "object" || rule === null) return describeValue(rule);
  const [[operator, argument] = []] = Object.entries(rule);
  return operator === "numeric"
    ? `numeric: ${(argument as unknown[]).join(" ")}`
    : `${operator}: ${describeValue(argument)}`;
}

function compileText(operator: string, argument: unknown, where: string): ValueTest {
  const affixIgnoringCase =
    operator === "prefix" || operator === "suffix" ? ignoringCaseAffix(operator, argument, where) : undefined;
  const test = affixIgnoringCase ?? textTest(operator, argument, where);
  return (value) => typeof value === "string" && test(value);
}

function textTest(operator: string, argument: unknown, where: string): TextTest {
  if (typeof argument !== "string")
    throw new TypeError(`${where} must be a string: current value is ${describeValue(argument)}`);
  const compile = textOperators.get(operator);
  if (compile === undefined) throw new RangeError(`${where} is no operator for texts`);
  return compile(argument, where);
}

function ignoringCaseAffix(operator: "prefix" | "suffix", argument: unknown, where: string): TextTest | undefined {
  if (typeof argument !== "object" || argument === null) return undefined;
  const [name, wanted] = onlyEntry(argument, where, ["equals-ignore-case"]);
  if (typeof wanted !== "string") {
    throw new TypeError(`${where}/${name} must be a string: current value is ${describeValue(wanted)}`);
  }
  return ignoringCase(wanted, (text, folded) =>
    operator === "prefix" ? text.startsWith(folded) : text.endsWith(folded),
  );
}

function ignoringCase(wanted: string, test: (text: string, folded: string) => boolean): TextTest {
  const folded = wanted.toLowerCase();
  return (text) => test(text.toLowerCase(), folded);
}

function anythingBut(argument: unknown, where: string): ValueTest {
  if (typeof argument === "object" && argument !== null && !Array.isArray(argument))
    return anythingButText(argument, where);
  const values = new Set<unknown>(listOf(argument, where));
  for (const kind of ["string", "number"]) {
    if ([...values].every((value) => typeof value === kind && !Number.isNaN(value)))
      return (value) => !values.has(value);
  }
  throw new TypeError(`${where} must be all strings or all numbers: current value is ${describeValue(argument)}`);
}

function anythingButText(argument: object, where: string): ValueTest {
  const [operator, texts] = onlyEntry(argument, where, [...textOperators.keys()]);
  const inner = `${where}/${operator}`;
  const tests = listOf(texts, inner).map((text) => {
    // Every text has an empty prefix and suffix, so "anything but" one would refuse them all.
    if (text === "" && (operator === "prefix" || operator === "suffix"))
      throw new RangeError(`${inner} must not be empty`);
    return textTest(operator, text, inner);
  });
  return (value) => typeof value !== "string" || !tests.some((test) => test(value));
}

function listOf(argument: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(argument)) return [argument];
  if (argument.length === 0) throw new RangeError(`${where} must not be an empty list`);
  return argument;
}

function compileWildcard(pattern: string, where: string): TextTest {
  try {
    return wildcard(pattern);
  } catch (error) {
    throw new RangeError(`${where} ${(error as Error).message}: current value is ${describeValue(pattern)}`);
  }
}

function compileCidr(argument: unknown, where: string): ValueTest {
  if (typeof argument !== "string")
    throw new TypeError(`${where} must be a string: current value is ${describeValue(argument)}`);
  const test = cidr(argument);
  if (test === undefined) {
    throw new RangeError(
      `${where} must be a block such as 10.0.0.0/8 or 2001:db8::/32: current value is ${describeValue(argument)}`,
    );
  }
  return (value) => typeof value === "string" && test(value);
}

function compileExists(argument: unknown, where: string): ValueTest {
  if (typeof argument !== "boolean")
    throw new TypeError(`${where} must be true or false: current value is ${describeValue(argument)}`);
  // Only values that are there are ever tested.
  return () => argument;
}

function isExact(rule: unknown): boolean {
  return rule === null || typeof rule === "string" || typeof rule === "boolean" || Number.isFinite(rule);
}

function onlyEntry(rule: unknown, where: string, names: readonly string[]): [string, unknown] {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) {
    throw new TypeError(
      `${where} must be a value or an object with one operator: current value is ${describeValue(rule)}`,
    );
  }
  const [entry, ...others] = Object.entries(rule);
  if (entry === undefined || others.length > 0) {
    throw new RangeError(`${where} must have exactly one operator: current value is ${describeValue(rule)}`);
  }
  if (names.includes(entry[0])) return entry;
  throw new RangeError(`${where} must use one of ${names.join(", ")}: current value is ${describeValue(entry[0])}`);
}
