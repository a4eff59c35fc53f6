// A frame, version 1. Numbers are little-endian. The same bytes go over TCP, Unix sockets and WebSocket.
//
//    0               4               8               12     13      14      16
//   +---------------+---------------+---------------+------+-------+-------+ - - - - - - -
//   | length  u32   | rest    u32   | stream  u32   | type | flags | zero  | length bytes
//   +---------------+---------------+---------------+------+-------+-------+ - - - - - - -
//
//   length   bytes of the message in this frame, at most 65,536
//   rest     bytes of the message in the frames behind this one of the same stream and type; 0 in the last
//   stream   the exchange that the message belongs to; 0 is the connection itself
//
// Every frame of a message but the last one is full, so a message cannot be cut into a flood of crumbs, and messages of
// different streams take turns frame by frame.

/** Bytes in front of each frame. */
export const headerSize = 16;

/** The most bytes of a message in one frame. */
export const maxFrameBytes = 65_536;

/** The version of the protocol that this code speaks. */
export const protocolVersion = 1;

/** What a message is. Even the numbers that only one side sends are unique. */
export const messageTypes = {
  hello: 1,
  welcome: 2,
  ping: 3,
  pong: 4,
  goodbye: 5,
  error: 6,
  end: 7,
  request: 8,
  answer: 9,
  attach: 10,
  append: 11,
  appended: 12,
  read: 13,
  batch: 14,
  fetch: 15,
  bytes: 16,
  join: 17,
  leases: 18,
  release: 19,
  acknowledge: 20,
  cancel: 21,
  notice: 22,
  transact: 23,
  transacted: 24,
} as const;

/** One of {@link messageTypes}. */
export type MessageType = (typeof messageTypes)[keyof typeof messageTypes];

/** Set in `flags` of a message that is sent again after a connection was lost. */
export const sentAgain = 1;

/** What a frame says of itself. */
export interface FrameHeader {
  readonly length: number;
  readonly rest: number;
  readonly stream: number;
  readonly type: number;
  readonly flags: number;
}

/** Writes a header. */
export function encodeHeader({ length, rest, stream, type, flags }: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(headerSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint32(4, rest, true);
  view.setUint32(8, stream, true);
  bytes[12] = type;
  bytes[13] = flags;
  return bytes;
}

/** Reads a header from its 16 bytes. What it says has not been checked. */
export function decodeHeader(bytes: Uint8Array, offset: number): FrameHeader & { readonly zero: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, headerSize);
  return {
    length: view.getUint32(0, true),
    rest: view.getUint32(4, true),
    stream: view.getUint32(8, true),
    type: view.getUint8(12),
    flags: view.getUint8(13),
    zero: view.getUint16(14, true),
  };
}
