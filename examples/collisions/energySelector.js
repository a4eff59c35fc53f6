/**
 * The partition selector of the collisions: each partition has its range of energies, so that whoever wants the most
 * energetic ones reads the last partition only.
 *
 * @param {{ max: number }} config - What the topic has stored beside the name of this function.
 */
export function energySelector({ max }) {
  return ({ energy }, partitions, requested) => requested ?? Math.floor((energy * partitions.length) / max);
}
