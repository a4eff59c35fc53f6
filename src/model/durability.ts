import { SluiceError } from "./errors.ts";

/**
 * How safe a stored event is: `memory` (held by a process), `os` (given to the operating system), `disk` (fdatasync or
 * stronger has returned), `replicated` (acknowledged by the cluster).
 */
export type Durability = "memory" | "os" | "disk" | "replicated";

/** The levels of durability, the weakest first. @internal */
export const durabilities = ["memory", "os", "disk", "replicated"] as const satisfies readonly Durability[];

/**
 * Refuses a durability that a backend cannot give. A weaker one is fine: an event may always be safer than was asked for.
 *
 * @param requested - What is asked for; undefined for what the backend declares.
 * @param declared - What the backend declares in its capabilities.
 * @throws SluiceError `ERR_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { checkDurability, isSluiceError } from "sluice";
 *
 * checkDurability("os", "disk");
 * try {
 *   checkDurability("disk", "memory");
 * } catch (error) {
 *   console.log(isSluiceError(error, "ERR_UNSUPPORTED")); // true
 * }
 * ```
 */
export function checkDurability(requested: Durability | undefined, declared: Durability): void {
  if (requested === undefined || durabilities.indexOf(requested) <= durabilities.indexOf(declared)) return;
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `Events cannot be stored at durability "${requested}": the strongest that the backend gives is "${declared}"`,
    { details: { requested, declared } },
  );
}
