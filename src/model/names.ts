import { describeValue } from "./describeValue.ts";

const pattern = /^[A-Za-z0-9._-]{1,249}$/;

/**
 * Checks the name of a topic, producer or consumer: 1 to 249 of `A-Z a-z 0-9 . _ -`, and not `.` or `..`.
 *
 * @param kind - What the name is of, for the message.
 * @returns The name itself.
 * @throws TypeError when it is not a string, RangeError when it breaks the rule.
 * @internal
 */
export function checkName(kind: string, name: unknown): string {
  if (typeof name !== "string")
    throw new TypeError(`A ${kind} name must be a string: current value is ${describeValue(name)}`);
  if (!pattern.test(name) || name === "." || name === "..") {
    throw new RangeError(
      `A ${kind} name must match [A-Za-z0-9._-]{1,249} and not be "." or "..": current value is ${describeValue(name)}`,
    );
  }
  return name;
}
