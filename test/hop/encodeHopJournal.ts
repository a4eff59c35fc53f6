import { crc32 } from "node:zlib";
import type { HopMessage } from "../../src/index.ts";

/** A record of a journal of hop-client, as a test writes it. */
export type HopRecord =
  | { readonly kind: "sent"; readonly sequence: number }
  | { readonly kind: "message"; readonly version: 1 | 2; readonly message: HopMessage };

/** Writes records as hop-client does. */
export function encodeHopJournal(records: readonly HopRecord[]): Uint8Array {
  return Buffer.concat(records.map(encodeRecord));
}

function encodeRecord(record: HopRecord): Uint8Array {
  if (record.kind === "sent") return framed(1, number(record.sequence));
  const { sequence, topic = "", message, key = new Uint8Array(0), headers } = record.message;
  const parts = [number(sequence)];
  if (record.version === 2) parts.push(bytes(Buffer.from(topic)));
  parts.push(bytes(message));
  if (record.version === 2) parts.push(bytes(key));
  parts.push(number(headers.length));
  for (const [name, value] of headers) parts.push(bytes(Buffer.from(name)), bytes(value));
  return framed(record.version === 1 ? 0 : 2, Buffer.concat(parts));
}

/** A record of any type, with its header. */
export function framed(type: number, body: Uint8Array): Uint8Array {
  const header = Buffer.concat([number(type), number(body.length), word(crc32(body))]);
  return Buffer.concat([header, word(crc32(header)), body]);
}

function bytes(content: Uint8Array): Uint8Array {
  return Buffer.concat([number(content.length), content]);
}

function number(value: number): Uint8Array {
  const encoded = Buffer.alloc(8);
  encoded.writeBigUInt64BE(BigInt(value));
  return encoded;
}

function word(value: number): Uint8Array {
  const encoded = Buffer.alloc(4);
  encoded.writeUInt32BE(value);
  return encoded;
}
