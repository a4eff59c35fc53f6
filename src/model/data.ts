import { describeValue } from "./describeValue.ts";

/** Anything that holds bytes: an `ArrayBuffer`, a `SharedArrayBuffer`, a typed array, a `Buffer`, a built-in `DataView`. */
export type BytesLike = ArrayBufferLike | ArrayBufferView;

/** What can be pushed as the data of an event: bytes, or several segments of bytes that need not be contiguous. */
export type DataInput = BytesLike | readonly BytesLike[] | EventData;

/**
 * The data part of an event: bytes in one or several segments that need not be contiguous. It refers to memory, it does
 * not copy it.
 *
 * @example
 * ```ts
 * import { EventData } from "sluice";
 *
 * const data = EventData.from([new Uint8Array([1, 2]), new Uint8Array([3])]);
 * console.log(data.size, data.segments.length, data.toUint8Array()); // 3 2 Uint8Array [1, 2, 3]
 * ```
 */
export class EventData {
  /** No bytes at all. */
  static readonly empty: EventData = new EventData([], 0);

  /** The segments in order. Their bytes one after the other are the data. */
  readonly segments: readonly Uint8Array[];
  /** How many bytes there are in all segments. */
  readonly size: number;

  private constructor(segments: readonly Uint8Array[], size: number) {
    this.segments = segments;
    this.size = size;
  }

  /**
   * Wraps bytes without copying them.
   *
   * @param input - Bytes, a list of them, other event data, or nothing.
   * @throws TypeError when something in it is not bytes.
   */
  static from(input: DataInput | null | undefined): EventData {
    if (input === undefined || input === null) return EventData.empty;
    if (input instanceof EventData) return input;
    if (!Array.isArray(input)) {
      const segment = toBytes(input as BytesLike);
      return segment.length === 0 ? EventData.empty : new EventData([segment], segment.length);
    }
    const segments = (input as readonly BytesLike[]).map(toBytes).filter((segment) => segment.length > 0);
    if (segments.length === 0) return EventData.empty;
    return new EventData(
      segments,
      segments.reduce((size, segment) => size + segment.length, 0),
    );
  }

  /** The bytes in one piece: the segment itself when there is only one (no copy), a new array otherwise. */
  toUint8Array(): Uint8Array {
    const [only] = this.segments;
    if (only !== undefined && this.segments.length === 1) return only;
    const bytes = new Uint8Array(this.size);
    let offset = 0;
    for (const segment of this.segments) {
      bytes.set(segment, offset);
      offset += segment.length;
    }
    return bytes;
  }
}

function toBytes(input: BytesLike): Uint8Array {
  // A Buffer is handed on as a plain Uint8Array, so that nobody sees Buffer's own `slice` and `toString`.
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (typeof SharedArrayBuffer !== "undefined" && input instanceof SharedArrayBuffer) return new Uint8Array(input);
  throw new TypeError(
    `Data must be an ArrayBuffer, a typed array or a list of them: current value is ${describeValue(input)}`,
  );
}
