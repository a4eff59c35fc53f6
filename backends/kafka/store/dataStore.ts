/** Keeps data of events outside of Kafka, as objects that are written once and never changed. */
export interface DataStore {
  /**
   * Stores an object. It is there whole and for good when the promise resolves, and a reader sees all of it or none.
   *
   * @param key - Its name: parts of `[A-Za-z0-9._-]+` with slashes between them. It is used for the first time.
   * @param segments - Its bytes, one segment after the other.
   * @param signal - Aborted when nobody waits for it any more: what was written of it may stay behind.
   */
  put(key: string, segments: readonly Uint8Array[], signal?: AbortSignal): Promise<void>;
  /**
   * Reads a piece of an object.
   *
   * @param key - Its name.
   * @param offset - Where the piece begins, in bytes.
   * @param size - How many bytes it has, at least one.
   * @returns The bytes; undefined when there is no such object, or it ends before the piece does.
   */
  read(key: string, offset: number, size: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Removes an object, if there is one. A store that leaves that to others has none. */
  remove?(key: string): Promise<void>;
  /** Removes every object whose key begins with a folder, `topic/` for one. A store that leaves that to others has none. */
  removeFolder?(folder: string): Promise<void>;
  /** Lets go of everything it holds. */
  close?(): Promise<void>;
}

/** Whether a key is one that a store takes: no part of it may lead elsewhere. */
export function isKey(key: string): boolean {
  return key.length <= 900 && key.split("/").every((part) => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.{1,2}$/.test(part));
}
