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
  return { spec: { type: "accept-all" }, validate: accept as (metadata: unknown) => M };
}

/** Whether a validator is this one, so that there is nothing to ask it. @internal */
export function acceptsAll<M>({ validate }: Validator<M>): boolean {
  return validate === (accept as typeof validate);
}

function accept(metadata: unknown): unknown {
  return metadata;
}
