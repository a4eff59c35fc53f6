/**
 * A checksum of bytes in segments (FNV-1a, 32 bits): quick to write down and good enough to notice a change by mistake.
 *
 * @internal
 */
export function checksum(segments: readonly Uint8Array[]): number {
  let hash = 0x811c9dc5;
  for (const segment of segments) {
    for (let i = 0; i < segment.length; i++) hash = Math.imul(hash ^ segment[i]!, 0x01000193);
  }
  return hash >>> 0;
}
