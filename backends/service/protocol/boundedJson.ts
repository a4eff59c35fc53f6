import { SluiceError } from "../../../src/model/errors.ts";

/** How deep arrays and objects may be nested. */
const maxDepth = 64;

/** Names that would reach into a prototype where an object is copied key by key. */
const refused = new Set(["__proto__", "constructor", "prototype"]);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Writes a value as JSON. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/**
 * Reads JSON from the other side. The size has been bounded by the frame; here depth and keys are.
 *
 * @throws SluiceError `ERR_PROTOCOL` when it is not JSON, nested too deep, or has a key that reaches into a prototype.
 */
export function decodeJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    const text = decoder.decode(bytes);
    assertShallow(text); // Before parsing, which recurses.
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new SluiceError("ERR_PROTOCOL", "The other side sent text that is not JSON", { cause });
  }
  assertPlain(value);
  return value;
}

/** As {@link decodeJson}, for a message that has to be an object. */
export function decodeObject(bytes: Uint8Array): Record<string, unknown> {
  const value = decodeJson(bytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SluiceError("ERR_PROTOCOL", "The other side sent JSON that is not an object");
}

function assertShallow(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) throw new SluiceError("ERR_PROTOCOL", `The other side sent JSON nested too deep`);
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}

function assertPlain(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    if (refused.has(key)) throw new SluiceError("ERR_PROTOCOL", `The other side sent the key "${key}"`);
    assertPlain((value as Record<string, unknown>)[key]);
  }
}
