import type { Validator } from "../component.ts";

/**
 * Makes a validator that accepts every event. It is the default of a topic.
 *
 * @returns A validator that is stored as `{ type: "accept-all" }`.
 *
 * @example
 * ```ts
 * import { acceptAll, EventData } from "sluice";
 *
 * const validator = acceptAll();
 * console.log(validator.validate({ energy: 7 }, EventData.empty)); // { energy: 7 }
 * ```
 */
export function acceptAll<M = unknown>(): Validator<M> {
  return { spec: { type: "accept-all" }, validate: (metadata) => metadata as M };
}
