import { describeValue } from "./describeValue.ts";

/** Checks for options. Each returns the value, so that a destructuring can be followed by one line a field. @internal */
export function checkInteger(name: string, value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number")
    throw new TypeError(`'${name}' must be a number: current value is ${describeValue(value)}`);
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`'${name}' must be an integer ${rangeOf(min, max)}: current value is ${value}`);
  }
  return value;
}

/** A number of milliseconds or bytes that may be infinite. @internal */
export function checkAmount(name: string, value: unknown, min = 0): number {
  if (typeof value !== "number")
    throw new TypeError(`'${name}' must be a number: current value is ${describeValue(value)}`);
  if (Number.isNaN(value) || value < min)
    throw new RangeError(`'${name}' must be at least ${min}: current value is ${value}`);
  return value;
}

/** One of a list of names. @internal */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (typeof value === "string" && (choices as readonly string[]).includes(value)) return value as T;
  const list = choices.map((choice) => `"${choice}"`).join(", ");
  const Kind = typeof value === "string" ? RangeError : TypeError;
  throw new Kind(`'${name}' must be one of ${list}: current value is ${describeValue(value)}`);
}

/** A function. @internal */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function")
    throw new TypeError(`'${name}' must be a function: current value is ${describeValue(value)}`);
}

function rangeOf(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
