import type { Appended } from "../../src/index.ts";

/** The ids in a backend's answer to a batch of so many events. @internal */
export function idsOf({ firstId, ids }: Appended, count: number): number[] {
  return Array.from({ length: count }, (_, i) => ids?.[i] ?? firstId + i);
}
