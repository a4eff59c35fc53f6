import { checkInteger } from "./check.ts";
import { describeValue } from "./describeValue.ts";
import { SluiceError } from "./errors.ts";

/**
 * Selects ranges from bytes that lie in several segments. Nothing is copied: the parts refer to the memory of the segments.
 *
 * @param segments - The bytes, as segments that follow each other.
 * @param ranges - Pairs of offset and size in bytes, in order and not overlapping, as a descriptor's `ranges()` gives them.
 * @returns The selected bytes in order. A range that spans several segments gives several parts; none of them is empty.
 * @throws RangeError when a range goes back before the one in front of it, or ends behind the last segment.
 *
 * @example
 * ```ts
 * import { selectBytes } from "sluice";
 *
 * const segments = [new Uint8Array([0, 1, 2]), new Uint8Array([3, 4, 5])];
 * const parts = selectBytes(segments, new Float64Array([2, 2, 5, 1]));
 * console.log(parts.map((part) => [...part])); // [ [ 2 ], [ 3 ], [ 5 ] ]
 * ```
 */
export function selectBytes(segments: readonly Uint8Array[], ranges: Float64Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let index = 0;
  let start = 0;
  let end = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    let offset = ranges[i] as number;
    if (!(offset >= end)) throw new RangeError(`Ranges must be in order: current value is ${offset} behind ${end}`);
    end = offset + (ranges[i + 1] as number);
    while (offset < end) {
      const segment = segments[index];
      if (segment === undefined)
        throw new RangeError(`A range must end within ${start} bytes: current value is ${end}`);
      if (offset < start + segment.length) {
        parts.push(segment.subarray(offset - start, end - start));
        offset = Math.min(end, start + segment.length);
      } else {
        start += segment.length;
        index++;
      }
    }
  }
  return parts;
}

/**
 * Copies bytes from one list of segments into another, whose segments may be cut elsewhere. Memory that is left over in
 * the targets is not touched.
 *
 * @param parts - The bytes to copy.
 * @param targets - Where they go, filled one after the other.
 * @returns How many bytes were copied.
 * @throws SluiceError `ERR_ALLOCATION` when the targets hold fewer bytes than the parts, with both sizes in bytes as
 * `details.needed` and `details.available`. Nothing has been copied then.
 *
 * @example
 * ```ts
 * import { copyInto } from "sluice";
 *
 * const targets = [new Uint8Array(1), new Uint8Array(3)];
 * console.log(copyInto([new Uint8Array([1, 2]), new Uint8Array([3])], targets)); // 3
 * console.log(targets.map((target) => [...target])); // [ [ 1 ], [ 2, 3, 0 ] ]
 * ```
 */
export function copyInto(parts: readonly Uint8Array[], targets: readonly Uint8Array[]): number {
  const [needed, available] = [totalSize(parts), totalSize(targets)];
  if (needed > available) {
    const problem = `${needed} bytes do not fit into the ${available} bytes that were allocated`;
    throw new SluiceError("ERR_ALLOCATION", problem, { details: { needed, available } });
  }
  let index = 0;
  let used = 0;
  for (const part of parts) {
    let copied = 0;
    while (copied < part.length) {
      const target = targets[index] as Uint8Array;
      const count = Math.min(part.length - copied, target.length - used);
      target.set(part.subarray(copied, copied + count), used);
      copied += count;
      used += count;
      if (used === target.length) {
        index++;
        used = 0;
      }
    }
  }
  return needed;
}

/**
 * Selects ranges from what other ranges select. Both lists are walked once, side by side.
 *
 * @param outer - Pairs of offset and size, in order and not overlapping.
 * @param inner - The same, relative to the bytes that `outer` selects and within them.
 * @returns The pairs of `inner` in terms of what `outer` refers to.
 * @throws RangeError when there are several ranges in `outer` and a range of `inner` is not within them.
 * @internal
 */
export function selectRanges(outer: Float64Array, inner: Float64Array): Float64Array {
  if (outer.length === 2) return shiftRanges(inner, outer[0] as number);
  // A range of the result ends where one of `inner` ends or one of `outer`, so there are no more than of both together.
  const result = new Float64Array(outer.length + inner.length);
  let length = 0;
  let index = 0;
  let start = 0;
  for (let i = 0; i < inner.length; i += 2) {
    let offset = inner[i] as number;
    const end = offset + (inner[i + 1] as number);
    while (offset < end) {
      const size = outer[index + 1];
      if (size === undefined) throw new RangeError(`A range must end within ${start} bytes: current value is ${end}`);
      if (offset < start + size) {
        const taken = Math.min(end, start + size) - offset;
        result[length++] = (outer[index] as number) + offset - start;
        result[length++] = taken;
        offset += taken;
      } else {
        start += size;
        index += 2;
      }
    }
  }
  return result.slice(0, length);
}

/**
 * Pairs of offset and size as one flat array.
 *
 * @throws TypeError or RangeError when something in it is not a pair of integers of at least 0.
 * @internal
 */
export function flattenPairs(pairs: readonly (readonly [offset: number, size: number])[]): Float64Array {
  if (!Array.isArray(pairs)) throw new TypeError(`'ranges' must be an array: current value is ${describeValue(pairs)}`);
  const ranges = new Float64Array(pairs.length * 2);
  for (let i = 0; i < pairs.length; i++) {
    const pair: unknown = pairs[i];
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError(`A range must be a pair of offset and size: current value is ${describeValue(pair)}`);
    }
    ranges[2 * i] = checkInteger("offset", pair[0], 0);
    ranges[2 * i + 1] = checkInteger("size", pair[1], 0);
  }
  return ranges;
}

/**
 * The canonical form of ranges: those of no bytes left out, those that touch made one.
 *
 * @param ranges - Pairs of offset and size.
 * @param size - How many bytes there are to select from.
 * @throws RangeError when a range is out of bounds, out of order or overlaps the one in front of it.
 * @internal
 */
export function joinRanges(ranges: Float64Array, size: number): Float64Array {
  const result = new Float64Array(ranges.length);
  let length = 0;
  let start = 0;
  let end = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const offset = ranges[i] as number;
    const taken = ranges[i + 1] as number;
    if (taken === 0) continue;
    if (offset < end) {
      throw new RangeError(
        `Ranges must be in order and not overlap: current value is ${offset} behind an end at ${end}`,
      );
    }
    if (offset + taken > size) {
      throw new RangeError(`Ranges must end within ${size} bytes: current value is ${offset + taken}`);
    }
    if (offset > end || length === 0) {
      start = offset;
      result[length] = start;
      length += 2;
    }
    end = offset + taken;
    result[length - 1] = end - start;
  }
  return result.slice(0, length);
}

/** Moves all ranges by the same distance. @internal */
export function shiftRanges(ranges: Float64Array, distance: number): Float64Array {
  return distance === 0 ? ranges : ranges.map((value, index) => (index % 2 === 0 ? value + distance : value));
}

function totalSize(segments: readonly Uint8Array[]): number {
  return segments.reduce((size, segment) => size + segment.length, 0);
}
