import { nearestName } from "../src/components/nearestName.ts";
import { CommandError } from "./commandError.ts";

/**
 * Refuses keys that nobody knows, and names the nearest one that there is.
 *
 * @param what - What has the keys, with its article: `a topic`.
 * @param given - The object.
 * @param known - The keys that there are.
 */
export function checkKeys(what: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    throw new CommandError(`There is no "${key}" in ${what}, did you mean "${nearestName(key, known)}"?`);
  }
}
