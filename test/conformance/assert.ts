import { isSluiceError, type ErrorCode } from "../../src/index.ts";

/** What an error should be: a SluiceError with a code, or an instance of a class. @internal */
export type ExpectedError = ErrorCode | (new (...args: never[]) => Error);

/** Fails unless something holds. @internal */
export function ok(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails unless two values look the same, all the way down. The order of keys is no difference. @internal */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [show(actual), show(expected)];
  if (got !== wanted) throw new Error(`${what}: expected ${shorten(wanted)}, got ${shorten(got)}`);
}

/** Fails unless a number is within bounds. @internal */
export function between(actual: number, min: number, max: number, what: string): void {
  if (!(actual >= min && actual <= max)) throw new Error(`${what}: expected ${min} to ${max}, got ${actual}`);
}

/** Fails unless a promise rejects as expected. Returns the error. @internal */
export async function rejects(work: PromiseLike<unknown>, expected: ExpectedError, what: string): Promise<Error> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return matching(error, expected, what);
  }
  throw new Error(`${what}: expected ${nameOf(expected)}, got the value ${shorten(show(value))}`);
}

/** Fails unless a function throws as expected. Returns the error. @internal */
export function throws(work: () => unknown, expected: ExpectedError, what: string): Error {
  let value: unknown;
  try {
    value = work();
  } catch (error) {
    return matching(error, expected, what);
  }
  throw new Error(`${what}: expected ${nameOf(expected)}, got the value ${shorten(show(value))}`);
}

/** Fails unless an error is as expected. Returns it. @internal */
export function matching(error: unknown, expected: ExpectedError, what: string): Error {
  const isRight = typeof expected === "string" ? isSluiceError(error, expected) : error instanceof expected;
  if (isRight) return error as Error;
  throw new Error(`${what}: expected ${nameOf(expected)}, got ${String(error)}`, { cause: error });
}

function nameOf(expected: ExpectedError): string {
  return typeof expected === "string" ? expected : expected.name;
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
}

/** A value as text that is the same for values that are the same. */
function show(value: unknown): string {
  if (value === undefined) return "undefined";
  if (typeof value === "number") return String(value); // JSON has neither NaN nor Infinity.
  if (ArrayBuffer.isView(value)) return `bytes(${[...(value as Uint8Array)].join()})`;
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (value instanceof Error) return String(value);
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value).sort(byKey).map(showEntry).join()}}`;
  return JSON.stringify(value) ?? typeof value;
}

function showEntry([key, value]: [string, unknown]): string {
  return `${key}:${show(value)}`;
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
