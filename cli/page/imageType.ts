/** The first bytes of the formats that every browser shows. SVG is not among them: it can hold programs. */
const signatures: readonly (readonly [type: string, offset: number, bytes: readonly number[]])[] = [
  ["image/png", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", 0, [0xff, 0xd8, 0xff]],
  ["image/gif", 0, [0x47, 0x49, 0x46, 0x38]],
  ["image/bmp", 0, [0x42, 0x4d]],
  ["image/webp", 8, [0x57, 0x45, 0x42, 0x50]],
  ["image/avif", 4, [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66]],
];

/**
 * What kind of image bytes are, by how they begin.
 *
 * @returns A media type, or undefined when they are none that is known.
 */
export function imageType(bytes: Uint8Array): string | undefined {
  return signatures.find(([, offset, start]) => start.every((byte, i) => bytes[offset + i] === byte))?.[0];
}
