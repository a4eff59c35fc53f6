import type { Journal } from "./journal.ts";
import type { Lane } from "./lane.ts";
import type { RobustStatus } from "./robustTypes.ts";

/** What has been counted since the producer was made. */
export interface Counted {
  readonly delivered: number;
  readonly dead: number;
  /** Events a second. */
  readonly rate: number;
  readonly isClosed: boolean;
}

/** What a robust producer is doing now. */
export function statusOf(journal: Journal, lanes: readonly Lane[], counted: Counted): RobustStatus {
  const { delivered, dead, rate, isClosed } = counted;
  const { count, bytes } = journal;
  const inFlight = lanes.reduce((sum, lane) => sum + lane.inFlight, 0);
  const oldest = Math.min(...journal.partitions.map((partition) => partition.oldest ?? Infinity));
  const error = lanes.find((lane) => lane.error !== undefined)?.error;
  return {
    state: isClosed ? "closed" : stateOf(lanes),
    queued: Math.max(0, count - inFlight),
    inFlight,
    delivered,
    dead,
    oldest: oldest === Infinity ? undefined : oldest,
    bytes,
    rate,
    timeToDrain: count === 0 ? 0 : (count / rate) * 1000,
    ...(error !== undefined && { error }),
  };
}

/** What all lanes together are doing: what most needs somebody's eye. */
function stateOf(lanes: readonly Lane[]): RobustStatus["state"] {
  for (const state of ["halted", "waiting", "sending", "stopped"] as const)
    if (lanes.some((lane) => lane.state === state)) return state;
  return "idle";
}
