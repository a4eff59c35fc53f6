import { describeValue } from "../describeValue.ts";

const comparisons: ReadonlyMap<unknown, (value: number, limit: number) => boolean> = new Map([
  ["=", (value: number, limit: number) => value === limit],
  ["<", (value: number, limit: number) => value < limit],
  ["<=", (value: number, limit: number) => value <= limit],
  [">", (value: number, limit: number) => value > limit],
  [">=", (value: number, limit: number) => value >= limit],
]);

/**
 * Compiles the argument of `numeric`: an operator and a number, or a lower bound and an upper bound.
 *
 * @param where - The start of an error's message, with the path in the pattern.
 * @internal
 */
export function numericRule(argument: unknown, where: string): (value: unknown) => boolean {
  if (!Array.isArray(argument))
    throw new TypeError(`${where} must be a list: current value is ${describeValue(argument)}`);
  if (argument.length !== 2 && argument.length !== 4) {
    throw new RangeError(
      `${where} must have one or two operators, each with a number: current value is ${describeValue(argument)}`,
    );
  }
  const tests = [compare(argument[0], argument[1], where)];
  if (argument.length === 4) {
    checkRange(argument, where);
    tests.push(compare(argument[2], argument[3], where));
  }
  // NaN and the infinities are no JSON numbers: stored as JSON they would become null.
  return (value) => typeof value === "number" && Number.isFinite(value) && tests.every((test) => test(value));
}

function compare(operator: unknown, limit: unknown, where: string): (value: number) => boolean {
  const comparison = comparisons.get(operator);
  if (comparison === undefined) {
    throw new RangeError(`${where} must use one of = < <= > >=: current value is ${describeValue(operator)}`);
  }
  if (typeof limit !== "number" || !Number.isFinite(limit)) {
    throw new TypeError(`${where} must compare with a finite number: current value is ${describeValue(limit)}`);
  }
  return (value) => comparison(value, limit);
}

function checkRange([lower, from, upper, to]: readonly unknown[], where: string): void {
  const isRange = (lower === ">" || lower === ">=") && (upper === "<" || upper === "<=");
  if (!isRange) throw new RangeError(`${where} must name a lower bound (> or >=), then an upper bound (< or <=)`);
  if (!(Number(from) < Number(to))) {
    throw new RangeError(
      `${where} must have its lower bound below its upper bound: current value is ${String(from)} and ${String(to)}`,
    );
  }
}
