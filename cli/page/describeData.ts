const shownBytes = 64;

/**
 * The beginning of data as a person reads it: as text where it is text, and otherwise as hexadecimal digits.
 *
 * @param bytes - The data, or as much of it as was brought.
 * @param size - How many bytes the event has.
 */
export function describeData(bytes: Uint8Array, size: number): string {
  const start = bytes.subarray(0, shownBytes);
  const more = size > start.length ? " …" : "";
  const text = asText(start, size > start.length);
  if (text !== undefined) return text + more;
  return Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ") + more;
}

/** Undefined when it is no text. A cut in the middle of a character is no reason. */
function asText(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isCut });
    return /^[^\p{Cc}]*$/u.test(text.replaceAll(/[\t\n\r]/g, " ")) ? text : undefined;
  } catch {
    return undefined;
  }
}
