/** How much a decoded value holds: bytes, characters, and eight for each number, name and object. */
export function measure(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (ArrayBuffer.isView(value)) return 8 + value.byteLength;
  if (Array.isArray(value)) return value.reduce((sum: number, each: unknown) => sum + measure(each), 8);
  if (typeof value !== "object" || value === null) return 8;
  return Object.entries(value).reduce((sum, [name, each]) => sum + name.length + measure(each), 8);
}
