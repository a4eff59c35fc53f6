import type { Retention } from "./backend.ts";

/** The oldest part of a partition, a batch or a segment, when it is asked whether it may be dropped. */
export interface OldestPart {
  /** The id behind its last event. */
  readonly next: number;
  /** The newest time of its events. */
  readonly newest: number;
}

/** Says whether the oldest part of a partition may go, where the partition holds so many bytes with it. */
export type RetentionRule = (oldest: OldestPart, bytes: number) => boolean;

/**
 * What the retention of a topic allows now, for backends that drop events themselves.
 *
 * @param retention - What the topic was created with.
 * @param now - Milliseconds since 1970.
 * @param positionOf - The position that a consumer has acknowledged in the partition; undefined when it has not.
 *
 * @example
 * ```ts
 * import { retentionRule } from "sluice";
 *
 * const mayDrop = retentionRule({ acknowledgedBy: ["app2"] }, Date.now(), () => 100);
 * console.log(mayDrop({ next: 100, newest: 0 }, 4096), mayDrop({ next: 101, newest: 0 }, 4096)); // true false
 * ```
 */
export function retentionRule(
  { maxBytes = Infinity, maxAge = Infinity, acknowledgedBy }: Retention,
  now: number,
  positionOf: (consumer: string) => number | undefined,
): RetentionRule {
  const oldest = now - maxAge;
  const acknowledged =
    acknowledgedBy === undefined ? -1 : Math.min(...acknowledgedBy.map((consumer) => positionOf(consumer) ?? 0));
  return ({ next, newest }, bytes) => bytes > maxBytes || newest < oldest || next <= acknowledged;
}
