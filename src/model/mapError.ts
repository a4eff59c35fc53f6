import { isPromiseLike } from "./isPromiseLike.ts";

/**
 * Runs code of somebody else's and turns whatever it throws, or rejects with, into another error. A synchronous answer
 * stays synchronous.
 *
 * @internal
 */
export function mapError<T>(run: () => T | PromiseLike<T>, toError: (error: unknown) => Error): T | PromiseLike<T> {
  let result: T | PromiseLike<T>;
  try {
    result = run();
  } catch (error) {
    throw toError(error);
  }
  if (!isPromiseLike(result)) return result;
  return result.then(undefined, (error: unknown) => {
    throw toError(error);
  });
}

/** The message of anything that can be thrown. @internal */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
