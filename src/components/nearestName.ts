/**
 * The name that somebody who wrote something else most likely meant.
 *
 * @param names - The names that exist.
 * @param maxDistance - How many letters may be added, removed or changed.
 * @returns The nearest name, or undefined when none is near enough.
 * @internal
 */
export function nearestName(
  written: string,
  names: Iterable<string>,
  maxDistance = Number.POSITIVE_INFINITY,
): string | undefined {
  let nearest: string | undefined;
  let best = maxDistance;
  for (const name of names) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance > best || (distance === best && nearest !== undefined)) continue;
    nearest = name;
    best = distance;
  }
  return nearest;
}

/** The Levenshtein distance, row by row. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const replaced = (row[j] ?? 0) + (one[i] === other[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
