import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { setInteger, viewOf } from "../format/bytes.ts";

/** How long the tag of one piece is. Node would accept four bytes of it when it deciphers, unless it is told. */
export const tagSize = 16;

const algorithm = "aes-256-gcm";

/**
 * Encrypts the batches of one segment by AES-256-GCM, with a key that is derived from the caller's for this segment alone (HKDF with
 * SHA-256, RFC 5869; the segment's random id is the salt). A piece is the metadata of a batch, or 4,096 bytes of its data. The nonce
 * is the number of the batch and that of the piece, so none is used twice: a segment is written once, and batches are numbered.
 */
export class SegmentCipher {
  readonly #key: Uint8Array;

  /**
   * @param key - The caller's, 32 bytes.
   * @param segmentId - 16 random bytes.
   */
  constructor(key: Uint8Array, segmentId: Uint8Array) {
    this.#key = derive(key, segmentId, "sluice log, version 1, batches", 32);
  }

  /**
   * Encrypts a piece, whose memory stays as it is.
   *
   * @param bound - What is not encrypted and may not be changed or exchanged either.
   */
  seal(
    batch: number,
    piece: number,
    bound: Uint8Array,
    parts: readonly Uint8Array[],
  ): { bytes: Uint8Array[]; tag: Uint8Array } {
    const cipher = createCipheriv(algorithm, this.#key, nonceOf(batch, piece), { authTagLength: tagSize });
    cipher.setAAD(bound);
    const bytes: Uint8Array[] = parts.map((part) => cipher.update(part));
    cipher.final(); // Brings nothing more: the bytes are as many as they were.
    return { bytes, tag: cipher.getAuthTag() };
  }

  /** Decrypts a piece; undefined when it is not what was encrypted with this key. */
  open(batch: number, piece: number, bound: Uint8Array, bytes: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    const decipher = createDecipheriv(algorithm, this.#key, nonceOf(batch, piece), { authTagLength: tagSize });
    decipher.setAAD(bound);
    decipher.setAuthTag(tag);
    const plain = decipher.update(bytes);
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }
}

/** What the header of a segment says of its key, so that a wrong one is known before anything is read. */
export function keyCheckOf(key: Uint8Array, segmentId: Uint8Array): Uint8Array {
  return derive(key, segmentId, "sluice log, version 1, key check", 16);
}

function derive(key: Uint8Array, salt: Uint8Array, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, purpose, length));
}

function nonceOf(batch: number, piece: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = viewOf(nonce);
  setInteger(view, 0, batch);
  view.setUint32(8, piece, true);
  return nonce;
}
