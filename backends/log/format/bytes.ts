/** Small helpers for bytes on disk. All numbers are little-endian, as the typed arrays of every machine that runs Node in practice. */

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
  throw new Error("The log backend needs a little-endian machine");

/** Everything on disk begins at a multiple of this, so that typed arrays can be laid over what was read. */
export const alignment = 8;

/** A size rounded up to the alignment. */
export function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}

/** How many bytes are missing to the alignment. */
export function paddingOf(size: number): number {
  return aligned(size) - size;
}

/** Writes an integer of at least 0 that is safe in JavaScript as 64 bits. */
export function setInteger(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Reads 64 bits as a number. What is not a safe integer is for the caller to refuse. */
export function getInteger(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
}

/** A view of the bytes below a typed array. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A `DataView` of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The index behind the last byte that is not 0. */
export function usedLength(bytes: Uint8Array): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}
