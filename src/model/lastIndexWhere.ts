/**
 * The last index for which something holds that holds up to some index and for none behind it; -1 when it holds for none.
 * By binary search.
 *
 * @internal
 */
export function lastIndexWhere(length: number, holds: (index: number) => boolean): number {
  let low = -1;
  let high = length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
