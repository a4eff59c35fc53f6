/**
 * The validator of the collisions: energies are whole numbers from 0 up to a limit. What it throws says why an event is
 * rejected.
 *
 * @param {{ max: number }} config - What the topic has stored beside the name of this function.
 */
export function energyValidator({ max }) {
  return ({ energy }) => {
    if (!Number.isInteger(energy) || energy < 0) throw new Error(`the energy must be a whole number: it is ${energy}`);
    if (energy >= max) throw new Error(`the energy must be below ${max}: it is ${energy}`);
  };
}
