/** What Node.js offers and browsers do not. */
const { Buffer: NodeBuffer } = globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array<ArrayBuffer> } };

/**
 * Memory that is written whole at once, so that nobody has to fill it with zeros first: for large data that costs a good
 * part of the copy.
 *
 * @internal
 */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  // A plain Uint8Array, so that nobody sees Buffer's own `slice` and `toString`.
  return NodeBuffer === undefined ? new Uint8Array(size) : new Uint8Array(NodeBuffer.allocUnsafeSlow(size).buffer);
}

/** A copy of some bytes in memory of its own. @internal */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
