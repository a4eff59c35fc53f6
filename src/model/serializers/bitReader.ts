import { undecodable } from "./serializationErrors.ts";

/** Reads what a `BitWriter` wrote. It throws `ERR_UNDECODABLE` at the end of the bytes. @internal */
export class BitReader {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** How many bits are left. */
  get remaining(): number {
    return this.bytes.length * 8 - this.position;
  }

  /** Reads a number of `bits` bits, 53 at most. */
  read(bits: number): number {
    if (bits > this.remaining) throw undecodable("the bytes end too early");
    if (bits > 24) return this.read(bits - 24) * 0x1000000 + this.read(24);
    let value = 0;
    let left = bits;
    while (left > 0) {
      const room = 8 - (this.position & 7);
      const taken = Math.min(room, left);
      const byte = byteAt(this.bytes, this.position >>> 3);
      value = (value << taken) | ((byte >>> (room - taken)) & ((1 << taken) - 1));
      this.position += taken;
      left -= taken;
    }
    return value;
  }

  /** Reads whole bytes. The length is compared with what is left before anything is allocated. */
  readBytes(length: number): Uint8Array {
    if (length * 8 > this.remaining) throw undecodable("the bytes end too early");
    const start = this.position >>> 3;
    if ((this.position & 7) === 0) {
      this.position += length * 8;
      return this.bytes.subarray(start, start + length);
    }
    const used = this.position & 7;
    const result = new Uint8Array(length);
    for (let index = 0; index < length; index++) {
      result[index] =
        (byteAt(this.bytes, start + index) << used) | (byteAt(this.bytes, start + index + 1) >>> (8 - used));
    }
    this.position += length * 8;
    return result;
  }

  /** Checks that nothing is left but the zeros that fill the last byte. */
  finish(): void {
    if (this.remaining >= 8) throw undecodable(`${Math.floor(this.remaining / 8)} bytes are left over`);
    if (this.read(this.remaining) !== 0) throw undecodable("the bits that fill the last byte are not zero");
  }
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
