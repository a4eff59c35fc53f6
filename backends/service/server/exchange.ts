import type { Right } from "./access.ts";
import type { Outcome } from "./answers.ts";
import type { DirectoryEntry } from "./directory.ts";
import type { Session, SessionLink } from "./session.ts";

/** What those who carry out requests need of the connection that they came by. */
export interface Exchange extends SessionLink {
  readonly session: Session;
  /** The name of whoever is at the other end. */
  readonly user: string;
  /** Whether enough answers are waiting for the client to take them. */
  readonly isFull: boolean;
  /** Calls back once the client has taken some of them; never, when it is gone. */
  whenRoom(resume: () => void): void;
  /** Calls back with the topic of a handle, at once where it is open; answers the request with an error where it may not. */
  withTopic(handle: number, stream: number, rights: readonly Right[], use: (entry: DirectoryEntry) => void): void;
  /** As `withTopic`, and calls back where it may not. Either callback is called once, also when the client is gone. */
  useTopic(
    handle: number,
    rights: readonly Right[],
    use: (entry: DirectoryEntry) => void,
    failed: (error: unknown) => void,
  ): void;
  /** Carries out a request that changes something, unless it has been begun before, and answers it. */
  once(stream: number, isAgain: boolean, run: (done: (outcome: Outcome) => void) => void): void;
  /** Remembers what ends a request before its time. */
  begin(stream: number, stop: () => void): void;
  /** Sends an answer that ends a request. */
  answer(stream: number, type: number, segments: readonly Uint8Array[]): void;
  /**
   * Sends a part of an answer.
   *
   * @param gone - Called once its bytes may change; never, when the connection is lost or cannot tell.
   */
  send(stream: number, type: number, segments: readonly Uint8Array[], gone?: () => void): void;
  /** Answers a request with an error. */
  fail(stream: number, error: unknown): void;
}
