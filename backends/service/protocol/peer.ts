import { interval, timer, Subscription } from "rxjs";
import { SluiceError } from "../../../src/model/errors.ts";
import { decodeError, encodeError } from "./errorCodec.ts";
import { messageTypes, type FrameHeader } from "./frame.ts";
import { FrameDecoder, type Message } from "./frameDecoder.ts";
import { FrameSender, type Outgoing } from "./frameSender.ts";
import type { Wire } from "./wire.ts";

/** What one side does with what the other one sends. */
export interface PeerHooks {
  /** Takes a message; of another kind than the ones that keep the connection alive. */
  message(message: Message): void;
  /** As in a decoder. */
  admit(header: FrameHeader, size: number): void;
  /** As in a decoder. */
  target?(header: FrameHeader, size: number): readonly Uint8Array[] | undefined;
  /** There is room for more to send. */
  drained?(): void;
  /** The connection is over. Called once. */
  closed(reason: SluiceError): void;
}

/** Milliseconds that a connection which is being closed may take to send what is left. */
const endingMs = 2000;

/** After how many unanswered questions the other side counts as gone. */
const maxMisses = 2;

/** Where both sides are the same: one connection that takes and sends messages, and is watched for signs of life. */
export class Peer {
  readonly sender: FrameSender;
  readonly #wire: Wire;
  readonly #hooks: PeerHooks;
  readonly #decoder: FrameDecoder;
  readonly #timers = new Subscription();
  #heard = true;
  #misses = 0;
  #ending = false;
  #closed = false;
  /** Why the other side said that it closes. */
  #told: SluiceError | undefined;

  constructor(wire: Wire, hooks: PeerHooks) {
    this.#wire = wire;
    this.#hooks = hooks;
    this.sender = new FrameSender(wire);
    this.#decoder = new FrameDecoder({
      message: (message) => this.#take(message),
      admit: (header, size) => hooks.admit(header, size),
      ...(hooks.target !== undefined && { target: (header, size) => hooks.target!(header, size) }),
    });
    wire.listen({
      bytes: (chunk) => this.#bytes(chunk),
      drained: () => {
        this.sender.drained();
        hooks.drained?.();
      },
      closed: (error) => this.#close(error),
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  send(message: Outgoing): void {
    this.sender.send(message);
  }

  /** Sends a message without a body. */
  signal(type: number, stream: number, channel: number | string = 0): void {
    this.send({ type, stream, channel, segments: [] });
  }

  /** Tells the other side that a request, or with stream 0 the connection, has failed. */
  fail(stream: number, error: unknown): void {
    this.send({ type: messageTypes.error, stream, channel: 0, segments: [encodeError(error)] });
  }

  /** Puts nothing more into the memory of a message of a stream. */
  discard(stream: number): void {
    this.#decoder.discard(stream);
  }

  /** Asks, after each silence of so many milliseconds, whether the other side is there. */
  watch(period: number, tick: () => void = () => {}): void {
    this.#timers.add(
      interval(period).subscribe(() => {
        tick();
        if (this.#closed) return;
        this.#misses = this.#heard ? 0 : this.#misses + 1;
        this.#heard = false;
        if (this.#misses > maxMisses) return this.destroy(unreachable("The other side has fallen silent"));
        this.signal(messageTypes.ping, 0);
      }),
    );
  }

  /** Counts the other side as there, as when nothing is read of what it sends. */
  heard(): void {
    this.#heard = true;
  }

  pause(): void {
    this.#wire.pause();
  }

  resume(): void {
    this.#wire.resume();
  }

  /** Says why, and closes once it has been said. */
  refuse(error: SluiceError): void {
    if (this.#closed) return;
    this.fail(0, error);
    this.end(error);
  }

  /** Closes once everything has been sent. */
  end(reason: SluiceError): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#told ??= reason;
    this.sender.flush();
    this.#wire.end();
    this.#timers.add(timer(endingMs).subscribe(() => this.destroy(reason)));
  }

  /** Closes at once. */
  destroy(reason: SluiceError): void {
    if (this.#closed) return;
    this.#told ??= reason;
    this.#wire.destroy();
    this.#close(undefined);
  }

  #bytes(chunk: Uint8Array): void {
    if (this.#closed || this.#ending) return; // What comes after a failure has no meaning any more.
    this.#heard = true;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      const reason =
        error instanceof SluiceError ? error : new SluiceError("ERR_PROTOCOL", "A message failed", { cause: error });
      this.refuse(reason);
    }
  }

  #take(message: Message): void {
    if (this.#closed || this.#ending) return;
    if (message.type === messageTypes.ping) return this.signal(messageTypes.pong, 0);
    if (message.type === messageTypes.pong) return;
    if (message.type === messageTypes.error && message.stream === 0) {
      this.destroy(decodeError(message.body));
      return;
    }
    this.#hooks.message(message);
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timers.unsubscribe();
    this.sender.close();
    const why = error === undefined ? "" : `: ${error.message}`;
    this.#hooks.closed(this.#told ?? unreachable(`The connection was lost${why}`, error));
  }
}

/** The error of a connection that is not there. */
export function unreachable(message: string, cause?: unknown): SluiceError {
  return new SluiceError("ERR_UNREACHABLE", message, cause === undefined ? {} : { cause });
}
