import { encodeHeader, maxFrameBytes } from "../../backends/service/protocol/frame.ts";
import { FrameDecoder, type Message } from "../../backends/service/protocol/frameDecoder.ts";

/** A message as the bytes that go over a wire. */
export function framesOf(type: number, stream: number, segments: readonly Uint8Array[], flags = 0): Uint8Array {
  const body = Buffer.concat(segments);
  const parts: Uint8Array[] = [];
  let offset = 0;
  do {
    const length = Math.min(maxFrameBytes, body.length - offset);
    parts.push(encodeHeader({ length, rest: body.length - offset - length, stream, type, flags }));
    parts.push(body.subarray(offset, offset + length));
    offset += length;
  } while (offset < body.length);
  return new Uint8Array(Buffer.concat(parts));
}

/** The messages in some bytes. */
export function messagesIn(
  bytes: Uint8Array,
  push: (decoder: FrameDecoder) => void = (decoder) => decoder.push(bytes),
): Message[] {
  const messages: Message[] = [];
  const decoder = new FrameDecoder({ message: (message) => messages.push(message), admit: () => {} });
  push(decoder);
  return messages;
}
