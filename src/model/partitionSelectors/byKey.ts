import { checkChoice } from "../check.ts";
import type { PartitionSelector } from "../component.ts";
import { describeValue } from "../describeValue.ts";
import { SluiceError } from "../errors.ts";
import { parsePointer, readPointer, toPointer } from "../jsonPointer.ts";
import { checkPartition, partitionAt } from "./checkPartition.ts";
import { murmur2 } from "./murmur2.ts";
import { startRoundRobin } from "./roundRobin.ts";

/** Options of {@link byKey}. */
export interface ByKeyOptions {
  /**
   * What becomes of an event without a key (the field is missing or null): it fails, or it takes its turn among all partitions.
   *
   * @default "fail"
   */
  readonly missing?: "fail" | "round-robin";
}

/**
 * Makes a selector that sends events of the same key to the same partition, in every process and every run.
 *
 * The partition is `(murmur2(key) & 0x7fffffff) % partitions` over the UTF-8 of the key, the rule of Kafka's default
 * partitioner, so producers of both agree. A number or a boolean counts as its JSON text: `7` and `"7"` are the same key. A key
 * moves to another partition when the topic gains partitions.
 *
 * @param key - Where the key is in the metadata: a JSON pointer (`"/run/id"`), or the name of a field (`"detector"`).
 * @param options - See {@link ByKeyOptions}.
 * @returns A selector that is stored as `{ type: "by-key", key }`, with `missing` when it was given. It honours a requested partition.
 * It throws SluiceError `ERR_INVALID_PARTITION` when that does not exist, and `ERR_COMPONENT` with `details.path` when the key is missing
 * or is not a string, a finite number or a boolean.
 * @throws TypeError or RangeError for a wrong argument.
 *
 * @example
 * ```ts
 * import { byKey } from "sluice";
 *
 * const select = byKey<{ detector: string }>("detector").start();
 * const partitions = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];
 * console.log(select({ detector: "foobar" }, partitions, undefined)); // 0
 * ```
 */
export function byKey<M = unknown>(key: string, options: ByKeyOptions = {}): PartitionSelector<M> {
  if (typeof key !== "string") throw new TypeError(`'key' must be a string: current value is ${describeValue(key)}`);
  const missing = checkChoice("missing", options.missing ?? "fail", ["fail", "round-robin"]);
  const segments = parsePointer(key);
  return {
    spec: { type: "by-key", key, ...(options.missing === undefined ? {} : { missing }) },
    start() {
      const withoutKey = missing === "round-robin" ? startRoundRobin() : () => fail(segments, undefined);
      return (metadata, partitions, requested) => {
        if (requested !== undefined) return checkPartition(requested, partitions);
        const value = readPointer(metadata, segments);
        if (value === undefined || value === null) return withoutKey(metadata, partitions, undefined);
        return partitionAt(hashOf(keyText(value, segments)) % partitions.length, partitions);
      };
    },
  };
}

function keyText(value: unknown, segments: readonly string[]): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isFinite(value)) return JSON.stringify(value);
  return fail(segments, value);
}

const encoder = new TextEncoder();
/** Nearly all keys fit into this, so that hashing them allocates nothing. Three bytes a UTF-16 unit is the most there can be. */
const scratch = new Uint8Array(768);

function hashOf(text: string): number {
  const fits = text.length * 3 <= scratch.length;
  const hash = fits ? murmur2(scratch, encoder.encodeInto(text, scratch).written) : murmur2(encoder.encode(text));
  return hash & 0x7fffffff;
}

function fail(segments: readonly string[], value: unknown): never {
  const path = toPointer(segments);
  const problem =
    value === undefined
      ? "is missing"
      : `must be a string, a finite number or a boolean: current value is ${describeValue(value)}`;
  throw new SluiceError("ERR_COMPONENT", `The partition key at ${path === "" ? "the root" : path} ${problem}`, {
    details: { path },
  });
}
