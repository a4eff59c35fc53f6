const encoder = new TextEncoder();
// A byte order mark is a character like any other here: without this option it would be lost.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to this many characters a loop is faster than the call into the engine, which costs about as much as a hundred. */
const shortLength = 48;

/** The UTF-8 of a text. @internal */
export function encodeUtf8(text: string): Uint8Array {
  return (text.length <= shortLength ? encodeAscii(text) : undefined) ?? encoder.encode(text);
}

/** The text of some UTF-8. Throws a `TypeError` when it is none. @internal */
export function decodeUtf8(bytes: Uint8Array): string {
  return (bytes.length <= shortLength ? decodeAscii(bytes) : undefined) ?? decoder.decode(bytes);
}

function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return undefined;
    bytes[index] = code;
  }
  return bytes;
}

function decodeAscii(bytes: Uint8Array): string | undefined {
  let text = "";
  for (const byte of bytes) {
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}
