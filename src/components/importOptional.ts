import { SluiceError } from "../model/errors.ts";

/**
 * Loads an optional package.
 *
 * @param name - The package, as npm calls it.
 * @param purpose - What needs it, as the start of a sentence.
 * @param load - Imports it. The name is written out there, so that a bundler finds it.
 * @throws SluiceError `ERR_MISSING_DEPENDENCY`, which says what to install.
 * @internal
 */
export async function importOptional<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new SluiceError("ERR_MISSING_DEPENDENCY", `${purpose} needs the package "${name}": npm install ${name}`, {
      cause,
      details: { package: name },
    });
  }
}
