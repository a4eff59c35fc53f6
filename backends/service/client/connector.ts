import { timer, type Subscription } from "rxjs";
import { isSluiceError, SluiceError } from "../../../src/model/errors.ts";
import { messageTypes, type FrameHeader } from "../protocol/frame.ts";
import type { Message } from "../protocol/frameDecoder.ts";
import { decodeWelcome, encodeHello, type Welcome } from "../protocol/handshake.ts";
import { Peer, unreachable } from "../protocol/peer.ts";
import type { Wire } from "../protocol/wire.ts";
import type { Dial } from "../transport/dial.ts";
import type { CheckedServiceOptions } from "./clientOptions.ts";

/** What a connector tells the client that it works for. */
export interface ConnectorHooks {
  message(message: Message): void;
  target(header: FrameHeader, size: number): readonly Uint8Array[] | undefined;
  /** The streams of memberships that are still wanted. */
  joins(): readonly number[];
  connected(peer: Peer, welcome: Welcome): void;
  /** A connection that was there is lost. */
  lost(reason: SluiceError): void;
  /** No connection could be made in time, or one was refused for good. */
  gaveUp(error: SluiceError): void;
}

/** The largest answer: a batch that a service may read at once, or a piece of data. */
const maxAnswer = 320 << 20;
/** Milliseconds that a connection lasts at least to count as one that works, and how many others may follow each other at once. */
const briefly = 1000;
const maxBrief = 4;
/** The largest answer of somebody who has not shown to be a service. */
const maxWelcome = 65_536;

/** Makes connections to a service, one at a time, and makes them anew with growing waits in between. */
export class Connector {
  #addresses: readonly string[];
  readonly #options: CheckedServiceOptions;
  readonly #dial: Dial;
  readonly #hooks: ConnectorHooks;
  /** Names the session. Nobody can guess it. */
  readonly #session = randomHex(16);
  /** Names the client to others. */
  readonly name = randomHex(8);
  /** Where the last connection was made. */
  address = "";
  #wasConnected = false;
  /** When the last connection was made, and how many in a row were lost soon after. */
  #welcomed = -Infinity;
  #brief = 0;
  #isTrying = false;
  #isClosed = false;
  #wait: Subscription | undefined;

  constructor(addresses: readonly string[], options: CheckedServiceOptions, dial: Dial, hooks: ConnectorHooks) {
    this.#addresses = addresses;
    this.#options = options;
    this.#dial = dial;
    this.#hooks = hooks;
  }

  /** Tries each address once. Rejects with the last error. */
  async connectOnce(): Promise<void> {
    let failure: unknown;
    for (const address of this.#addresses) {
      try {
        return await this.#connect(address);
      } catch (error) {
        failure = error;
        if (isSluiceError(error) && error.code !== "ERR_UNREACHABLE") break;
      }
    }
    throw failure;
  }

  /** Tries until there is a connection or the time is over. Does nothing while it is trying. */
  reconnect(): void {
    if (this.#isTrying || this.#isClosed) return;
    this.#isTrying = true;
    const until = performance.now() + this.#options.reconnectTimeout;
    this.#brief = performance.now() - this.#welcomed < briefly ? this.#brief + 1 : 0;
    // A service that welcomes and closes again and again is not to be asked as fast as it answers.
    if (this.#brief <= maxBrief) void this.#try(until, 0);
    else this.#tryLater(until, this.#brief - maxBrief);
  }

  /** Tries no other address any more than the one that it was connected to last. */
  stay(): void {
    this.#addresses = [this.address];
  }

  close(): void {
    this.#isClosed = true;
    this.#wait?.unsubscribe();
  }

  async #try(until: number, attempt: number): Promise<void> {
    try {
      await this.connectOnce();
      this.#isTrying = false;
    } catch (error) {
      const reason = isSluiceError(error) ? error : unreachable("No connection could be made", error);
      if (this.#isClosed) return;
      if (isHopeless(reason) || performance.now() >= until) {
        this.#isTrying = false;
        return this.#hooks.gaveUp(reason);
      }
      this.#tryLater(until, attempt);
    }
  }

  #tryLater(until: number, attempt: number): void {
    const { minDelay, maxDelay } = this.#options;
    const delay = Math.min(maxDelay, minDelay * 2 ** attempt) * (0.5 + Math.random() / 2); // So that clients do not all come at once.
    this.#wait = timer(delay).subscribe(() => void this.#try(until, attempt + 1));
  }

  async #connect(address: string): Promise<void> {
    const { connectTimeout, tls, token } = this.#options;
    const shown = await token();
    const wire = await openWithin(connectTimeout, address, this.#dial(address, tls));
    if (!this.#isClosed) return this.#greet(wire, address, shown);
    discard(wire);
    throw closed();
  }

  #greet(wire: Wire, address: string, token: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let isWelcome = false;
      const peer: Peer = new Peer(wire, {
        message: (message) => {
          if (isWelcome) return this.#hooks.message(message);
          if (this.#isClosed) return peer.destroy(closed());
          const welcome = welcomeOf(message, address);
          isWelcome = true;
          late.unsubscribe();
          this.#wasConnected = true;
          this.address = address;
          this.#welcomed = performance.now();
          peer.watch(welcome.heartbeat);
          this.#hooks.connected(peer, welcome);
          resolve();
        },
        admit: (_header, size) => {
          if (size > (isWelcome ? maxAnswer : maxWelcome))
            throw new SluiceError("ERR_PROTOCOL", `${address} sent ${size} bytes at once`);
        },
        target: (header, size) => (isWelcome ? this.#hooks.target(header, size) : undefined),
        closed: (reason) => {
          late.unsubscribe();
          if (isWelcome) this.#hooks.lost(reason);
          else reject(reason);
        },
      });
      const late = timer(this.#options.connectTimeout).subscribe(() =>
        peer.destroy(unreachable(`${address} does not answer`)),
      );
      const hello = { session: this.#session, again: this.#wasConnected, joins: this.#hooks.joins(), token };
      peer.send({ type: messageTypes.hello, stream: 0, channel: 0, segments: encodeHello(hello) });
    });
  }
}

function closed(): SluiceError {
  return new SluiceError("ERR_CLOSED", "The connection to the service is closed");
}

function isHopeless({ code }: SluiceError): boolean {
  return code !== "ERR_UNREACHABLE" && code !== "ERR_LIMIT" && code !== "ERR_STALLED";
}

function welcomeOf({ type, body }: Message, address: string): Welcome {
  if (type === messageTypes.welcome) return decodeWelcome(body);
  throw new SluiceError("ERR_PROTOCOL", `${address} is no service of Sluice`);
}

/** Waits for a wire so long; one that opens later is closed again. */
function openWithin(milliseconds: number, address: string, opening: Promise<Wire>): Promise<Wire> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const late = timer(milliseconds).subscribe(() => {
      isLate = true;
      reject(unreachable(`${address} did not answer within ${milliseconds} ms`));
    });
    opening.then(
      (wire) => {
        late.unsubscribe();
        if (isLate) discard(wire);
        else resolve(wire);
      },
      (error: unknown) => {
        late.unsubscribe();
        reject(error);
      },
    );
  });
}

function discard(wire: Wire): void {
  wire.listen({ bytes: () => {}, drained: () => {}, closed: () => {} });
  wire.destroy();
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
