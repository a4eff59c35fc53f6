/**
 * Where an event is, as `[partition, id]`: short enough for a marble test.
 *
 * @example
 * ```ts
 * import type { EventPosition } from "sluice/testing";
 *
 * const third: EventPosition = [0, 2];
 * console.log(third); // [ 0, 2 ]
 * ```
 */
export type EventPosition = readonly [partition: number, id: number];

/** The position of an event or a receipt. @internal */
export function positionOf({ partition, id }: { readonly partition: number; readonly id: number }): EventPosition {
  return [partition, id];
}
