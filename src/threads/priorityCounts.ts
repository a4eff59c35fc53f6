/** How many things there are of each priority. @internal */
export interface PriorityCounts {
  /** Counts one in. */
  add(priority: number): void;
  /** Counts one out. */
  remove(priority: number): void;
  /** How many there are of this priority and of higher ones. */
  from(priority: number): number;
}

/** Makes counts that are all 0. Priorities are few, so a list of them is looked through. @internal */
export function makePriorityCounts(): PriorityCounts {
  const counts = new Map<number, number>();

  function remove(priority: number): void {
    const left = (counts.get(priority) ?? 0) - 1;
    if (left > 0) counts.set(priority, left);
    else counts.delete(priority);
  }

  function from(priority: number): number {
    let sum = 0;
    for (const [other, count] of counts) if (other >= priority) sum += count;
    return sum;
  }

  return { add: (priority) => void counts.set(priority, (counts.get(priority) ?? 0) + 1), remove, from };
}
