import { checkInteger } from "./check.ts";
import { describeValue } from "./describeValue.ts";
import {
  countRanges,
  decodeDescriptor,
  encodeDescriptor,
  maxPartitionNumber,
  maxViewRanges,
  maxViewSteps,
} from "./descriptorEncoding.ts";
import type { DataOrigin, StridedStep, ViewStep } from "./descriptorEncoding.ts";
import { SluiceError } from "./errors.ts";
import { checkName } from "./names.ts";
import { flattenPairs, joinRanges, selectRanges, shiftRanges } from "./selectBytes.ts";

export type { DataOrigin } from "./descriptorEncoding.ts";

/**
 * A reference to the data of one event, or to a view of it: some of its bytes, in order. It never changes and holds no
 * data. A view is made of another view, and its offsets count the bytes that the other one selects. At most 1,048,576
 * ranges fit into one view.
 *
 * @example The rectangle of 3 by 2 pixels at column 4, row 1 of an image of 8 by 4 pixels, one byte each.
 * ```ts
 * import { DataDescriptor } from "sluice";
 *
 * const image = DataDescriptor.of({ topic: "images", partition: 0, id: 7, size: 32 });
 * const rectangle = image.makeSubView(1 * 8 + 4, 2 * 8).makeStridedView(0, 2, 3, 8 - 3);
 * console.log(rectangle.size, rectangle.flatten()); // 6 [ [ 12, 3 ], [ 20, 3 ] ]
 * ```
 */
export class DataDescriptor {
  /** The event whose data is referred to. */
  readonly origin: DataOrigin;
  /** How many bytes are selected. */
  readonly size: number;
  /** No step selects everything. */
  readonly #steps: readonly ViewStep[];
  #ranges: Float64Array | undefined;

  private constructor(origin: DataOrigin, steps: readonly ViewStep[], size: number) {
    this.origin = origin;
    this.size = size;
    this.#steps = steps;
    Object.freeze(this);
  }

  /**
   * Refers to the whole data of an event.
   *
   * @param origin - The event, and what its backend needs to find the data again.
   * @throws TypeError or RangeError when a name or number in it is not valid.
   */
  static of(origin: DataOrigin): DataDescriptor {
    return new DataDescriptor(Object.freeze(checkOrigin(origin)), [], origin.size);
  }

  /**
   * Reads what {@link DataDescriptor.encode} wrote.
   *
   * @param bytes - One encoded descriptor, all of it. Nothing of it is kept.
   * @throws SluiceError `ERR_DESCRIPTOR` when they are not a descriptor: cut short, too long, of an unknown version, out of bounds.
   */
  static decode(bytes: Uint8Array): DataDescriptor {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`'bytes' must be a Uint8Array: current value is ${describeValue(bytes)}`);
    }
    const { origin, steps } = decodeDescriptor(bytes);
    try {
      return steps.reduce((view, step) => view.#repeat(step), DataDescriptor.of(origin));
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : describeValue(cause);
      throw new SluiceError("ERR_DESCRIPTOR", `An encoded data descriptor is out of bounds: ${problem}`, { cause });
    }
  }

  /** Whether everything is selected. */
  get isWhole(): boolean {
    return this.size === this.origin.size;
  }

  /**
   * Whether another descriptor refers to the same event, whatever either of them selects.
   *
   * @param other - The other descriptor.
   */
  sharesOriginWith(other: DataDescriptor): boolean {
    const [mine, its] = [this.origin, other.origin];
    return mine.id === its.id && mine.partition === its.partition && mine.topic === its.topic;
  }

  /**
   * Selects `size` bytes from `offset`, or as many of them as there are.
   *
   * @param offset - Where to begin, in bytes of this view.
   * @param size - How many bytes.
   * @throws TypeError or RangeError when a value is not an integer of at least 0.
   */
  makeSubView(offset: number, size: number): DataDescriptor {
    checkInteger("offset", offset, 0);
    checkInteger("size", size, 0);
    const there = Math.max(0, this.size - offset);
    return this.#select({ kind: "range", offset, size: Math.min(size, there) });
  }

  /**
   * Selects blocks of one size at one distance. Behind the last block there need not be a gap.
   *
   * @param offset - Where the first block begins, in bytes of this view.
   * @param blocks - How many blocks. With none the view is empty.
   * @param blockSize - The bytes of each block. With none the view is empty.
   * @param gap - The bytes between the end of a block and the beginning of the next.
   * @throws TypeError or RangeError when a value is not an integer of at least 0; RangeError when a block is out of bounds.
   */
  makeStridedView(offset: number, blocks: number, blockSize: number, gap: number): DataDescriptor {
    checkInteger("offset", offset, 0);
    checkInteger("blocks", blocks, 0);
    checkInteger("blockSize", blockSize, 0);
    checkInteger("gap", gap, 0);
    if (blocks === 0 || blockSize === 0) return this.#select(nothing);
    // Nothing is subtracted here, so a sum beyond 2^53 may be rounded but stays too large.
    const end = offset + (blocks - 1) * (blockSize + gap) + blockSize;
    if (end > this.size) throw new RangeError(`The blocks must end within ${this.size} bytes: current value is ${end}`);
    if (blocks === 1 || gap === 0) return this.#select({ kind: "range", offset, size: blocks * blockSize });
    return this.#select({ kind: "strided", offset, blocks, blockSize, gap });
  }

  /**
   * Selects a list of ranges. Ranges of no bytes are left out.
   *
   * @param ranges - Pairs of offset and size, in bytes of this view, in order and not overlapping.
   * @throws TypeError or RangeError when a value is not an integer of at least 0; RangeError when a range is out of bounds,
   * out of order or overlaps the one in front of it.
   */
  makeUnstructuredView(ranges: readonly (readonly [offset: number, size: number])[]): DataDescriptor {
    return this.#select(listStep(joinRanges(flattenPairs(ranges), this.size)));
  }

  /**
   * The selected ranges in terms of the event's data: pairs of offset and size, in order, none of them empty, and with
   * bytes between any two of them that are not selected.
   */
  flatten(): readonly (readonly [offset: number, size: number])[] {
    const ranges = this.ranges();
    return Array.from({ length: ranges.length / 2 }, (_, i) => [ranges[2 * i] as number, ranges[2 * i + 1] as number]);
  }

  /**
   * What {@link DataDescriptor.flatten} returns, as one flat array of offset, size, offset, size … It is computed once and
   * shared by all callers: read it only.
   */
  ranges(): Float64Array {
    return (this.#ranges ??= this.#flatten());
  }

  /** Writes the descriptor as bytes for {@link DataDescriptor.decode}. A strided view takes 33 bytes more than its origin. */
  encode(): Uint8Array {
    return encodeDescriptor(this.origin, this.#steps);
  }

  #flatten(): Float64Array {
    return this.#steps.length > 0 ? flattenSteps(this.#steps) : rangesOf({ kind: "range", offset: 0, size: this.size });
  }

  #select(step: ViewStep): DataDescriptor {
    const size = sizeOf(step);
    if (size === this.size) return this;
    checkCount(countRanges(step));
    if (size === 0) return new DataDescriptor(this.origin, [nothing], 0);
    return new DataDescriptor(this.origin, limitSteps(appendStep(this.#steps, step)), size);
  }

  /** Takes a step that was read from somewhere, so it is checked as a caller's would be, and not clamped. */
  #repeat(step: ViewStep): DataDescriptor {
    if (step.kind === "list") return this.#select(listStep(joinRanges(step.ranges, this.size)));
    if (step.kind === "range") return this.makeStridedView(step.offset, 1, step.size, 0);
    return this.makeStridedView(step.offset, step.blocks, step.blockSize, step.gap);
  }
}

const nothing: ViewStep = { kind: "range", offset: 0, size: 0 };

function checkOrigin({ topic, partition, id, size, location }: DataOrigin): DataOrigin {
  checkName("topic", topic);
  checkInteger("partition", partition, 0, maxPartitionNumber);
  checkInteger("id", id, 0);
  checkInteger("size", size, 0);
  if (location === undefined) return { topic, partition, id, size };
  if (location instanceof Uint8Array) return { topic, partition, id, size, location };
  throw new TypeError(`'location' must be a Uint8Array: current value is ${describeValue(location)}`);
}

function checkCount(count: number): void {
  if (count <= maxViewRanges) return;
  throw new RangeError(`A view can have at most ${maxViewRanges} ranges: current value is ${count}`);
}

function sizeOf(step: ViewStep): number {
  if (step.kind === "range") return step.size;
  if (step.kind === "strided") return step.blocks * step.blockSize;
  return step.ranges.reduce((sum, value, index) => (index % 2 === 0 ? sum : sum + value), 0);
}

/** Adds a step in its simplest form, so that views of the same bytes that were made in different ways tend to be alike. */
function appendStep(steps: readonly ViewStep[], step: ViewStep): readonly ViewStep[] {
  const before = steps.slice(0, -1);
  const last = steps.at(-1);
  if (last === undefined) return [step];
  if (last.kind === "range") return appendStep(before, shiftStep(step, last.offset));
  if (step.kind !== "range") return [...steps, step];
  if (last.kind === "list") return appendStep(before, listStep(selectRanges(last.ranges, rangesOf(step))));
  return appendBlocks(before, last, step.offset, step.size);
}

/** Adds a part of a strided step: only those of its blocks that the part touches, and the part within them. */
function appendBlocks(
  steps: readonly ViewStep[],
  { offset, blockSize, gap }: StridedStep,
  from: number,
  size: number,
): readonly ViewStep[] {
  const first = Math.floor(from / blockSize);
  const blocks = Math.floor((from + size - 1) / blockSize) - first + 1;
  const start = offset + first * (blockSize + gap);
  const skipped = from - first * blockSize;
  if (blocks === 1) return appendStep(steps, { kind: "range", offset: start + skipped, size });
  const touched: ViewStep = { kind: "strided", offset: start, blocks, blockSize, gap };
  if (size === blocks * blockSize) return [...steps, touched];
  return [...steps, touched, { kind: "range", offset: skipped, size }];
}

function shiftStep(step: ViewStep, distance: number): ViewStep {
  if (step.kind === "list") return { kind: "list", ranges: shiftRanges(step.ranges, distance) };
  return { ...step, offset: step.offset + distance };
}

function listStep(ranges: Float64Array): ViewStep {
  const [offset = 0, size = 0] = ranges;
  return ranges.length > 2 ? { kind: "list", ranges } : { kind: "range", offset, size };
}

/** Makes a list of steps that are too many to be kept. */
function limitSteps(steps: readonly ViewStep[]): readonly ViewStep[] {
  const count = steps.reduce((sum, step) => sum + countRanges(step), 0);
  if (steps.length <= maxViewSteps && count <= maxViewRanges) return steps;
  const ranges = flattenSteps(steps);
  checkCount(ranges.length / 2);
  return [listStep(ranges)];
}

function flattenSteps(steps: readonly ViewStep[]): Float64Array {
  return steps.map(rangesOf).reduce((outer, inner) => selectRanges(outer, inner));
}

function rangesOf(step: ViewStep): Float64Array {
  if (step.kind === "list") return step.ranges;
  if (step.kind === "range") return step.size === 0 ? new Float64Array(0) : Float64Array.of(step.offset, step.size);
  const { offset, blocks, blockSize, gap } = step;
  const ranges = new Float64Array(blocks * 2);
  for (let i = 0; i < blocks; i++) {
    ranges[2 * i] = offset + i * (blockSize + gap);
    ranges[2 * i + 1] = blockSize;
  }
  return ranges;
}
