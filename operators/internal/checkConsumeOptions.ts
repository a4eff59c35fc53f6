import { checkAmount, checkChoice, checkFunction, checkInteger } from "../../src/model/check.ts";
import type { ConsumeOptions, StartFrom } from "../../src/model/consumeOptions.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { SluiceError } from "../../src/model/errors.ts";

type Optional = "dataSelector" | "dataAllocator" | "partitions" | "until" | "status" | "errors" | "lost";

/** The options with their defaults. @internal */
export type CheckedConsumeOptions<M> = Pick<ConsumeOptions<M>, Optional> & {
  readonly [K in Exclude<keyof ConsumeOptions<M>, Optional>]-?: NonNullable<ConsumeOptions<M>[K]>;
} & { readonly partitions: readonly number[] | undefined };

/**
 * Checks the options of a consumer before any effect, and fills in the defaults.
 *
 * @param count - How many partitions the topic has.
 * @internal
 */
export function checkConsumeOptions<M>(options: ConsumeOptions<M>, count: number): CheckedConsumeOptions<M> {
  const { batchSize = "adaptive", maxBatches = 2, maxBytes = 64 << 20, dataSelector, dataAllocator } = options;
  const { partitions, startFrom = "earliest", until, demand = "delivered", undecodable = "fail" } = options;
  const {
    componentTimeout = Infinity,
    drainTimeout = 5000,
    warnAfter = 30_000,
    warn = console.warn,
    status,
    errors,
    lost,
  } = options;
  if (batchSize !== "adaptive") checkInteger("batchSize", batchSize, 1);
  checkInteger("maxBatches", maxBatches, 1);
  checkAmount("maxBytes", maxBytes, 1);
  if (dataSelector !== undefined) checkFunction("dataSelector", dataSelector);
  if (dataAllocator !== undefined) checkFunction("dataAllocator", dataAllocator);
  checkStartFrom(startFrom);
  if (until !== undefined && until !== "end") checkUntil(until);
  checkChoice("demand", demand, ["delivered", "acknowledged"]);
  if (typeof undecodable === "string") checkChoice("undecodable", undecodable, ["fail", "skip", "deliver"]);
  else checkObserver("undecodable", undecodable);
  checkAmount("componentTimeout", componentTimeout);
  checkAmount("drainTimeout", drainTimeout);
  checkAmount("warnAfter", warnAfter);
  checkFunction("warn", warn);
  if (status !== undefined) checkObserver("status", status);
  if (errors !== undefined) checkObserver("errors", errors);
  if (lost !== undefined) checkObserver("lost", lost);
  return {
    batchSize,
    maxBatches,
    maxBytes,
    dataSelector,
    dataAllocator,
    // No partition named means all of them, as in the event model that Sluice follows.
    partitions: partitions === undefined || partitions.length === 0 ? undefined : checkPartitions(partitions, count),
    startFrom,
    until,
    demand,
    undecodable,
    componentTimeout,
    drainTimeout,
    warnAfter,
    warn,
    status,
    errors,
    lost,
  };
}

function checkObserver(name: string, value: unknown): void {
  if (typeof (value as { next?: unknown } | null)?.next === "function") return;
  throw new TypeError(`'${name}' must be an observer: current value is ${describeValue(value)}`);
}

function checkPartitions(partitions: readonly number[], count: number): readonly number[] {
  for (const partition of partitions) {
    if (!Number.isInteger(partition) || partition < 0 || partition >= count) {
      throw new SluiceError(
        "ERR_INVALID_PARTITION",
        `'partitions' must hold integers from 0 to ${count - 1}: current value is ${describeValue(partition)}`,
        { details: { partition, partitions: count } },
      );
    }
  }
  return [...new Set(partitions)];
}

function checkUntil(until: unknown): void {
  if (typeof until !== "object" || until === null || !("idle" in until)) {
    throw new TypeError(`'until' must be "end" or { idle: milliseconds }: current value is ${describeValue(until)}`);
  }
  checkAmount("until.idle", until.idle);
}

function checkStartFrom(startFrom: StartFrom): void {
  if (startFrom === "earliest" || startFrom === "latest") return;
  if (typeof startFrom === "number") return void checkInteger("startFrom", startFrom, 0);
  if (startFrom instanceof Date && !Number.isNaN(startFrom.getTime())) return;
  if (typeof startFrom === "object" && startFrom !== null && "last" in startFrom) {
    return void checkInteger("startFrom.last", startFrom.last, 0);
  }
  throw new TypeError(
    `'startFrom' must be "earliest", "latest", an id, a valid Date or { last: n }: current value is ${describeValue(startFrom)}`,
  );
}
