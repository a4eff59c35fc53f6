/** Writes bits, the highest first, into bytes that grow as needed. @internal */
export class BitWriter {
  private bytes = new Uint8Array(64);
  private position = 0;

  /** Writes a number below 2 to the power of `bits`, which is 53 at most. */
  write(value: number, bits: number): void {
    // Operators for bits work on 32 of them, so a wide number goes in two parts.
    if (bits > 24) {
      this.write(Math.floor(value / 0x1000000), bits - 24);
      this.write(value % 0x1000000, 24);
      return;
    }
    this.reserve(bits);
    let left = bits;
    while (left > 0) {
      const room = 8 - (this.position & 7);
      const taken = Math.min(room, left);
      const part = (value >>> (left - taken)) & ((1 << taken) - 1);
      this.bytes[this.position >>> 3]! |= part << (room - taken);
      this.position += taken;
      left -= taken;
    }
  }

  /** Writes whole bytes, wherever the last bit ended. */
  writeBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length * 8);
    if ((this.position & 7) === 0) {
      this.bytes.set(bytes, this.position >>> 3);
      this.position += bytes.length * 8;
      return;
    }
    // Each byte is spread over two, which is much faster here than bit by bit.
    const used = this.position & 7;
    let target = this.position >>> 3;
    for (const byte of bytes) {
      this.bytes[target]! |= byte >>> used;
      this.bytes[++target] = byte << (8 - used);
    }
    this.position += bytes.length * 8;
  }

  /** What was written, filled up with zeros to a whole byte. */
  finish(): Uint8Array {
    return this.bytes.slice(0, Math.ceil(this.position / 8));
  }

  private reserve(bits: number): void {
    const needed = Math.ceil((this.position + bits) / 8);
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
