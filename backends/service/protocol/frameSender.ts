import { encodeHeader, maxFrameBytes } from "./frame.ts";
import type { Wire } from "./wire.ts";

/** A message on its way out. Its bytes must not change until they have gone. */
export interface Outgoing {
  readonly type: number;
  readonly stream: number;
  readonly flags?: number;
  /** Messages of one channel go one after the other; those of different channels take turns, and channel 0 goes first. */
  readonly channel: number | string;
  readonly segments: readonly Uint8Array[];
  /** Called when its bytes may change again; never, when the wire is lost or cannot tell. */
  readonly gone?: (() => void) | undefined;
}

/** A message of which a part has gone. */
interface Sending {
  readonly message: Outgoing;
  rest: number;
  index: number;
  used: number;
}

/** As many bytes are handed to the wire before it has to say that there is room again. */
const highWater = 512 * 1024;

/** Sends messages frame by frame, one channel after the other, so that a large message keeps no other one waiting. */
export class FrameSender {
  readonly #wire: Wire;
  readonly #channels = new Map<number | string, Sending[]>();
  #queued = 0;
  #handedOver = 0;
  #scheduled = false;
  #waiting = false;
  #closed = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Bytes that have not left this process. */
  get queued(): number {
    return this.#queued + this.#wire.buffered;
  }

  /** Bytes that have left this process, since the beginning. */
  get gone(): number {
    return this.#handedOver - this.#wire.buffered;
  }

  /** Sends a message. Everything that is sent in one turn goes to the wire together. */
  send(message: Outgoing): void {
    if (this.#closed) return;
    const rest = message.segments.reduce((sum, { length }) => sum + length, 0);
    const sending = { message, rest, index: 0, used: 0 };
    this.#queued += rest;
    const queue = this.#channels.get(message.channel);
    if (queue === undefined) this.#channels.set(message.channel, [sending]);
    else queue.push(sending);
    if (this.#scheduled || this.#waiting) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }

  /** The wire has room again. */
  drained(): void {
    this.#waiting = false;
    this.flush();
  }

  /** Hands over as much as the wire takes. */
  flush(): void {
    this.#scheduled = false;
    while (!this.#waiting && !this.#closed && this.#channels.size > 0) {
      const parts: Uint8Array[] = [];
      const gone: (() => void)[] = [];
      let bytes = 0;
      while (this.#channels.size > 0 && bytes < highWater) {
        bytes += this.#takeFirst(parts, gone);
        // One frame of each channel in turn; what is left of a message goes in the next round.
        for (const [channel, queue] of this.#channels) {
          if (bytes >= highWater) break;
          bytes += this.#takeFrame(channel, queue, parts, gone);
        }
        this.#rotate();
      }
      this.#handedOver += bytes;
      this.#waiting = !this.#wire.write(parts, gone.length === 0 ? undefined : () => gone.forEach((each) => each()));
    }
  }

  /** Forgets what has not gone. */
  close(): void {
    this.#closed = true;
    this.#channels.clear();
    this.#queued = 0;
  }

  /** Everything on channel 0: it is small, and others wait for it. */
  #takeFirst(parts: Uint8Array[], gone: (() => void)[]): number {
    const queue = this.#channels.get(0);
    let bytes = 0;
    while (queue !== undefined && queue.length > 0) bytes += this.#takeFrame(0, queue, parts, gone);
    return bytes;
  }

  #takeFrame(channel: number | string, queue: Sending[], parts: Uint8Array[], gone: (() => void)[]): number {
    const bytes = this.#nextFrame(queue[0]!, parts);
    if (queue[0]!.rest === 0) {
      const { message } = queue.shift()!;
      if (message.gone !== undefined) gone.push(message.gone);
    }
    if (queue.length === 0) this.#channels.delete(channel);
    return bytes;
  }

  /** Where a round was broken off, the first channel goes behind the others, so that it does not go first each time. */
  #rotate(): void {
    const first = this.#channels.entries().next();
    if (first.done === true || this.#channels.size === 1) return;
    const [channel, queue] = first.value;
    this.#channels.delete(channel);
    this.#channels.set(channel, queue);
  }

  #nextFrame(sending: Sending, parts: Uint8Array[]): number {
    const { type, stream, flags = 0 } = sending.message;
    const length = Math.min(sending.rest, maxFrameBytes);
    sending.rest -= length;
    this.#queued -= length;
    const header = encodeHeader({ length, rest: sending.rest, stream, type, flags });
    parts.push(header);
    takeBytes(sending, length, parts);
    return header.length + length;
  }
}

function takeBytes(sending: Sending, length: number, parts: Uint8Array[]): void {
  let missing = length;
  while (missing > 0) {
    const segment = sending.message.segments[sending.index]!;
    const count = Math.min(missing, segment.length - sending.used);
    if (count > 0)
      parts.push(count === segment.length ? segment : segment.subarray(sending.used, sending.used + count));
    missing -= count;
    sending.used += count;
    if (sending.used < segment.length) continue;
    sending.index++;
    sending.used = 0;
  }
}
