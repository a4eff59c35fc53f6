import { describeValue } from "../../../src/model/describeValue.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { sameBytes } from "../format/bytes.ts";
import type { SegmentHeader, SegmentKey } from "../format/segmentHeader.ts";
import { keyCheckOf, SegmentCipher } from "./segmentCipher.ts";

/** How a log encrypts what it stores. */
export interface EncryptionOptions {
  /** The id of the key that new files are encrypted with: 1 to 128 of `A-Z a-z 0-9 . _ -`. It is stored with them. */
  readonly keyId: string;
  /**
   * Gives the key of an id: 32 bytes, or a promise of them. Asked for `keyId`, and for the ids of older files when they are read.
   * Undefined says that it is not known. The bytes are not kept anywhere but in memory.
   */
  readonly key: (id: string) => Uint8Array | undefined | PromiseLike<Uint8Array | undefined>;
}

/** The key of a segment that is being made. */
export interface NewKey {
  readonly key: SegmentKey;
  readonly cipher: SegmentCipher;
}

/** Gets the keys of segments from the caller, once each. */
export class Keys {
  readonly #options: EncryptionOptions | undefined;
  readonly #known = new Map<string, Promise<Uint8Array>>();

  /** @param options - Undefined where nothing is encrypted. */
  constructor(options: EncryptionOptions | undefined) {
    this.#options = options;
  }

  /** The id of the key for new segments; undefined where they are not encrypted. */
  get current(): string | undefined {
    return this.#options?.keyId;
  }

  /** Resolves when the key for new segments is at hand. Rejects with `ERR_KEY`. */
  async ready(): Promise<void> {
    if (this.current !== undefined) await this.#keyOf(this.current);
  }

  /** What a new segment is encrypted with. Rejects with `ERR_KEY`. */
  async forNew(segmentId: Uint8Array): Promise<NewKey | undefined> {
    const id = this.current;
    if (id === undefined) return undefined;
    const key = await this.#keyOf(id);
    return { key: { id, check: keyCheckOf(key, segmentId) }, cipher: new SegmentCipher(key, segmentId) };
  }

  /** What a segment was encrypted with; undefined where it is not. Rejects with `ERR_KEY`. */
  async of({ id: segmentId, key: stored }: SegmentHeader): Promise<SegmentCipher | undefined> {
    if (stored === undefined) return undefined;
    const key = await this.#keyOf(stored.id);
    if (!sameBytes(keyCheckOf(key, segmentId), stored.check)) throw keyError(stored.id, `is not the one that was used`);
    return new SegmentCipher(key, segmentId);
  }

  #keyOf(id: string): Promise<Uint8Array> {
    const known = this.#known.get(id) ?? this.#ask(id);
    this.#known.set(id, known);
    known.catch(() => this.#known.delete(id)); // The next one who needs it asks again.
    return known;
  }

  async #ask(id: string): Promise<Uint8Array> {
    if (this.#options === undefined) throw keyError(id, "is needed, and the option 'encryption' is not given");
    let key: unknown;
    try {
      key = await this.#options.key(id);
    } catch (cause) {
      throw keyError(id, "could not be got", cause);
    }
    if (key === undefined || key === null) throw keyError(id, "is not known");
    if (!(key instanceof Uint8Array) || key.length !== 32)
      throw keyError(
        id,
        `must be a Uint8Array of 32 bytes, and is ${key instanceof Uint8Array ? `one of ${key.length}` : typeof key}`,
      );
    return key;
  }
}

/** Checks the option before any effect. */
export function checkEncryption(options: EncryptionOptions | undefined): void {
  if (options === undefined) return;
  const { keyId, key } = options;
  if (typeof keyId !== "string")
    throw new TypeError(`'encryption.keyId' must be a string: current value is ${describeValue(keyId)}`);
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(keyId))
    throw new RangeError(
      `'encryption.keyId' must match [A-Za-z0-9._-]{1,128}: current value is ${describeValue(keyId)}`,
    );
  if (typeof key !== "function") throw new TypeError(`'encryption.key' must be a function`); // What was given may be a key.
}

/** The error of a key that is missing or wrong. It never holds the key. */
export function keyError(id: string, what: string, cause?: unknown): SluiceError {
  return new SluiceError("ERR_KEY", `The key "${id}" ${what}`, { cause, details: { keyId: id } });
}
