import type { Validator } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import { toPointer } from "../jsonPointer.ts";
import { compilePattern } from "./compilePattern.ts";
import { findMismatch, type Mismatch } from "./matchPattern.ts";
import type { EventPattern } from "./patternTypes.ts";
import { rejection } from "./rejection.ts";

/**
 * Makes a validator from an event pattern in the syntax of Amazon EventBridge.
 *
 * A pattern has the shape of the metadata, and each field lists what is accepted: a string, a number, a boolean or null,
 * or one of the operators `prefix`, `suffix` (both also with `equals-ignore-case`), `equals-ignore-case`, `wildcard`,
 * `anything-but` (values, lists, or one of the four before), `numeric`, `cidr` (IPv4 and IPv6) and `exists`. All fields must
 * match; `$or` lists patterns of which one must match. Fields that the pattern does not name are not looked at.
 *
 * - A list in the metadata matches when one of its elements does. A list of objects matches when one object does.
 * - `exists` is about values: an object or an empty list under that name counts as missing.
 * - A missing field matches nothing but `{ exists: false }`, not even `anything-but`.
 * - Two things differ from EventBridge: a dot in the name of a field is part of the name, and any wildcard pattern is
 *   accepted however complex, since matching takes no more than length of text times length of pattern.
 *
 * @param pattern - The pattern. It is compiled once.
 * @returns A validator that is stored as `{ type: "event-pattern", pattern }`. It rejects with `ERR_INVALID_METADATA`;
 * `details.path` is the deepest field that does not match and `details.rule` what was accepted there.
 * @throws TypeError or RangeError when the pattern is malformed, with the path in the pattern.
 *
 * @example
 * ```ts
 * import { eventPattern, EventData } from "sluice";
 *
 * const validator = eventPattern({
 *   detector: [{ prefix: "ecal-" }],
 *   energy: [{ numeric: [">", 0, "<=", 100] }],
 *   $or: [{ run: [{ exists: false }] }, { run: { state: ["stable", "adjusting"] } }],
 * });
 * console.log(validator.validate({ detector: "ecal-7", energy: 42 }, EventData.empty)); // { detector: "ecal-7", energy: 42 }
 * ```
 */
export function eventPattern<M = unknown>(pattern: EventPattern): Validator<M> {
  const compiled = compilePattern(pattern);
  return {
    spec: { type: "event-pattern", pattern },
    validate(metadata) {
      const mismatch = findMismatch(compiled, metadata);
      if (mismatch === undefined) return metadata as M;
      throw toRejection(mismatch);
    },
  };
}

function toRejection({ segments, rule, value }: Mismatch): Error {
  const found = value === undefined ? "it is missing" : `current value is ${describeValue(value)}`;
  return rejection(toPointer(segments), rule, `must match ${rule}: ${found}`);
}
