/** A step of a JSON pointer: the name of a property, or the index of an element. @internal */
export type PointerSegment = string | number;

/** Writes a JSON pointer (RFC 6901): `["a/b", 0]` becomes `/a~1b/0`, no segment at all the empty string. @internal */
export function toPointer(segments: readonly PointerSegment[]): string {
  return segments.map((segment) => `/${escapeSegment(segment)}`).join("");
}

/**
 * Reads a JSON pointer. A text without a leading slash is the name of one property, so that `"energy"` means `"/energy"`.
 *
 * @internal
 */
export function parsePointer(path: string): string[] {
  if (path === "") return [];
  if (!path.startsWith("/")) return [path];
  // ~1 comes first, as the RFC says: "~01" is the name "~1" and not a slash.
  return path
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What is found by following segments through own properties only, so that `/__proto__` finds no prototype. @internal */
export function readPointer(value: unknown, segments: readonly string[]): unknown {
  let current = value;
  for (const segment of segments) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string, unknown>)[segment];
  }
  return current;
}

function escapeSegment(segment: PointerSegment): string {
  return String(segment).replaceAll("~", "~0").replaceAll("/", "~1");
}
