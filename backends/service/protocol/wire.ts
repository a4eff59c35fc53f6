/** What a wire tells its owner. */
export interface WireEvents {
  /** Bytes have come. They are only lent. */
  bytes(chunk: Uint8Array): void;
  /** What was written has gone so far that there is room again. */
  drained(): void;
  /** The wire is closed, by whichever side. Called once. */
  closed(error: Error | undefined): void;
}

/** Carries bytes in both directions, in order: a socket, or a WebSocket whose messages are pieces of one stream of bytes. */
export interface Wire {
  /** Who is at the other end, for people. */
  readonly peer: string;
  /** Bytes that were written and have not gone yet. */
  readonly buffered: number;
  /** Begins to tell what happens. */
  listen(events: WireEvents): void;
  /**
   * Writes bytes, which must not change until they have gone. Returns whether there is room for more.
   *
   * @param gone - Called once they have gone; never, when the wire is lost before or cannot tell.
   */
  write(parts: readonly Uint8Array[], gone?: () => void): boolean;
  /** Stops reading, so that the other side has to wait. A browser cannot, and does nothing. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Closes once everything has been written. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
