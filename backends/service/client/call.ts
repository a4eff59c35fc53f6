import type { PartitionPlace } from "../../../src/model/backend.ts";
import type { MessageType } from "../protocol/frame.ts";
import type { SluiceError } from "../../../src/model/errors.ts";

/** Which part of which topic a handle stands for. */
export interface OwnPart {
  /** The rank of the process that has it. */
  readonly own: number;
  /** Names the run of the service. */
  readonly service: string;
  /** Tells the topic apart from others of its name; null where it has no id. */
  readonly id: string | null;
}

/** A topic as a connection has to know it before a request can use it. */
export interface Attachable {
  readonly name: string;
  /** The number that the client knows the topic by. */
  readonly handle: number;
  /** What tells it apart from another topic of its name, and the run of the service that said so. */
  readonly incarnation: number;
  readonly service: string;
  /** Where it is the part of a topic that the process at the other end has: which. */
  readonly own?: OwnPart | undefined;
  /** Bytes of batches that are unanswered. */
  unanswered: number;
  /** Told how many partitions there are, and where they are. */
  grow(partitions: number, places?: readonly PartitionPlace[]): void;
}

/** One exchange with a service. It lives until it is answered, over as many connections as that takes. */
export interface Call {
  readonly type: MessageType;
  /** The topic that it uses. */
  readonly topic?: Attachable | undefined;
  /** Further topics that it uses. @default none */
  readonly others?: readonly Attachable[] | undefined;
  /** Calls of one channel are sent in their order. @default all of them */
  readonly channel?: string | undefined;
  /** Bytes that count against the windows until it is answered. @default 0 */
  readonly credit?: number | undefined;
  /** What it sends, each time that it is sent. */
  body(): readonly Uint8Array[];
  /** Takes an answer. Returns whether it was the last one. Throws when it is no answer to this call. */
  take(type: number, body: Uint8Array): boolean;
  /** It has failed, and is over. */
  fail(error: unknown): void;
  /** Where the bytes of an answer are to go. */
  target?(type: number, size: number): readonly Uint8Array[] | undefined;
  /** It is about to be sent once more. `isKnown` says whether the service still knows the session. Returns why it cannot be. */
  again?(isKnown: boolean): SluiceError | undefined;
}
