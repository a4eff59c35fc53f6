import { errorCodes, SluiceError, type ErrorCode } from "../model/errors.ts";
import type { PackedError, PackedErrorObject } from "./messages.ts";

/** How many causes are taken along. A chain that leads back to itself ends here. */
const maxDepth = 8;

/** The classes that an error is rebuilt as. An error of any other name becomes an `Error` of that name. */
const errorClasses = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [Class.name, Class]),
);

/** Turns anything thrown into something that can be posted to another thread. @internal */
export function packError(error: unknown, depth = 0): PackedError {
  if (!(error instanceof Error)) return { value: clonable(error) ? error : describe(error) };
  return {
    name: String(error.name),
    message: String(error.message),
    stack: error.stack === undefined ? undefined : String(error.stack),
    facts: factsOf(error),
    ...("cause" in error && depth < maxDepth && { cause: packError(error.cause, depth + 1) }),
  };
}

/** Rebuilds what {@link packError} packed. @internal */
export function unpackError(packed: PackedError): unknown {
  if ("value" in packed) return packed.value;
  const { name, message, stack, facts, cause } = packed;
  const options = cause === undefined ? undefined : { cause: unpackError(cause) };
  const error = isSluice(packed)
    ? new SluiceError(packed.facts.code, message, { ...options, details: packed.facts.details })
    : new (errorClasses.get(name) ?? Error)(message, options);

  if (error.name !== name) define(error, "name", name);
  if (stack !== undefined) define(error, "stack", stack);
  return error instanceof SluiceError ? error : Object.assign(error, facts);
}

/** An error of the library, even when the module that threw it loaded a copy of the library of its own. */
function isSluice(packed: PackedErrorObject): packed is PackedErrorObject & {
  readonly facts: { readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> };
} {
  const { code, details } = packed.facts;
  return packed.name === "SluiceError" && errorCodes.includes(code as ErrorCode) && typeof details === "object";
}

/** The own properties of an error that can be cloned. `details` is taken apart, so that one bad fact does not cost the others. */
function factsOf(error: Error): Record<string, unknown> {
  const { details, name: _name, message: _message, stack: _stack, cause: _cause, ...rest } = error as SluiceError;
  const facts = clonableEntries(rest);
  return isRecord(details) ? { ...facts, details: clonableEntries(details) } : facts;
}

function clonableEntries(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => clonable(value)));
}

function clonable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function define(error: Error, key: string, value: string): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
}
