import { timer, type Subscription } from "rxjs";
import { SluiceError } from "../../../src/model/errors.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { encodeJson } from "../protocol/boundedJson.ts";
import { headerSize, messageTypes, protocolVersion, type FrameHeader } from "../protocol/frame.ts";
import type { Message } from "../protocol/frameDecoder.ts";
import { decodeHello, encodeWelcome, type Hello } from "../protocol/handshake.ts";
import { encodeLeases } from "../protocol/leaseCodec.ts";
import { Peer, unreachable } from "../protocol/peer.ts";
import type { Wire } from "../protocol/wire.ts";
import type { Credential, Right } from "./access.ts";
import { answerMessage, tooManyRequests } from "./answerMessage.ts";
import type { Outcome } from "./answers.ts";
import type { DirectoryEntry } from "./directory.ts";
import type { Exchange } from "./exchange.ts";
import { HeldBytes, isOfBatches } from "./heldBytes.ts";
import type { Membership } from "./membership.ts";
import type { ServiceContext } from "./serviceContext.ts";
import type { Session } from "./session.ts";
import { TopicHandles } from "./topicHandles.ts";

/** Where a connection comes from, and what it brought before its first message. */
export interface Origin {
  /** For counting: the host's address, or the path of a Unix socket. */
  readonly address: string;
  /** The token of an Authorization header. */
  readonly token: string | undefined;
}

/** The largest first message of somebody whom nobody knows. */
const maxHello = 16_384;

/** The longest time in milliseconds that a timer can wait: it takes a longer one for none at all. */
const longestWait = 2 ** 31 - 1;

/** One connection of a client: who it is, and what it asks for. */
export class ServiceConnection implements Exchange {
  readonly #context: ServiceContext;
  readonly #origin: Origin;
  readonly #peer: Peer;
  readonly #held: HeldBytes;
  readonly #handles: TopicHandles;
  /** What ends each request that is unanswered. */
  readonly #open = new Map<number, () => void>();
  readonly #waiting: (() => void)[] = [];
  readonly #teardown: (() => void)[] = [];
  readonly #handshake: Subscription;
  #session: Session | undefined;
  #credential: Credential | undefined;
  #gone = 0;
  #stalledSince: number | undefined;
  /** Runs while nothing is read, since too much has come. */
  #slowing: Subscription | undefined;

  /** @throws SluiceError `ERR_LIMIT` when there are too many connections. */
  constructor(wire: Wire, context: ServiceContext, origin: Origin) {
    this.#context = context;
    this.#origin = origin;
    const { load, options } = context;
    this.#teardown.push(load.enter(origin.address));
    this.#held = new HeldBytes(load, { pause: () => wire.pause(), resume: () => wire.resume() });
    this.#peer = new Peer(wire, {
      message: (message) => this.#take(message),
      admit: (header, size) => this.#admit(header, size),
      target: ({ type }, size) => {
        const memory = type === messageTypes.append ? context.memory.take(size) : undefined;
        return memory && [memory];
      },
      drained: () => this.#goOn(),
      closed: (reason) => this.#closed(reason),
    });
    this.#handles = new TopicHandles(context, (notice) =>
      this.#peer.send({ type: messageTypes.notice, stream: 0, channel: 0, segments: [encodeJson(notice)] }),
    );
    this.#teardown.push(() => this.#handles.close());
    this.#handshake = timer(options.limits.handshake).subscribe(() =>
      this.refuse(new SluiceError("ERR_REFUSED", "The client did not say in time who it is")),
    );
  }

  get session(): Session {
    return this.#session!;
  }

  get user(): string {
    return this.#session?.user ?? "";
  }

  get isFull(): boolean {
    return this.#peer.sender.queued > this.#context.options.limits.queued;
  }

  /** Whether nothing is under way that a client would miss. */
  get isIdle(): boolean {
    return (this.#session?.answers.inFlight ?? 0) === 0 && this.#peer.sender.queued === 0;
  }

  whenRoom(resume: () => void): void {
    this.#waiting.push(resume);
  }

  withTopic(handle: number, stream: number, wanted: readonly Right[], use: (entry: DirectoryEntry) => void): void {
    this.#handles.use(
      handle,
      wanted,
      (entry) => {
        // A client that was cut off while the topic was being opened asks again.
        if (!this.#peer.isClosed) this.#guarded(stream, () => use(entry));
      },
      (error) => this.fail(stream, error),
    );
  }

  useTopic(
    handle: number,
    wanted: readonly Right[],
    use: (entry: DirectoryEntry) => void,
    failed: (error: unknown) => void,
  ): void {
    const guarded = (entry: DirectoryEntry) => {
      try {
        use(entry);
      } catch (error) {
        failed(error);
      }
    };
    this.#handles.use(handle, wanted, guarded, failed);
  }

  once(stream: number, isAgain: boolean, run: (done: (outcome: Outcome) => void) => void): void {
    const { answers } = this.session;
    if (answers.isFull) throw new SluiceError("ERR_LIMIT", "The session has too many unanswered requests");
    answers.once(stream, isAgain, run, (outcome) => {
      if ("error" in outcome) this.fail(stream, outcome.error);
      else this.answer(stream, outcome.type, outcome.value);
    });
  }

  begin(stream: number, stop: () => void): void {
    if (this.#open.size >= this.#context.options.limits.streams) throw tooManyRequests();
    if (this.#open.has(stream)) throw malformed("a stream that is in use");
    this.#open.set(stream, stop);
  }

  answer(stream: number, type: number, segments: readonly Uint8Array[]): void {
    this.#open.delete(stream);
    this.#held.answered(stream);
    this.send(stream, type, segments);
  }

  send(stream: number, type: number, segments: readonly Uint8Array[], gone?: () => void): void {
    // What is large, or ends what is, takes turns; what is small goes first.
    const isSmall = type !== messageTypes.batch && type !== messageTypes.bytes && type !== messageTypes.end;
    this.#peer.send({ type, stream, channel: isSmall ? 0 : stream, segments, gone });
  }

  fail(stream: number, error: unknown): void {
    this.#open.delete(stream);
    this.#held.answered(stream);
    if (!(error instanceof SluiceError))
      this.#context.options.logger.error({ user: this.user, err: error }, "a request failed");
    this.#peer.fail(stream, error);
  }

  membershipChanged(stream: number, membership: Membership): void {
    if (membership.ended === undefined) return this.send(stream, messageTypes.leases, encodeLeases(membership.state));
    this.session.leave(stream);
    this.#peer.fail(stream, membership.ended.error);
  }

  superseded(): void {
    this.#peer.destroy(new SluiceError("ERR_REFUSED", "The client has connected anew"));
  }

  /**
   * Closes when its client would not be admitted any more. When the client only may do less, what is under way by it ends with the
   * connection; a new one finds out what is left.
   */
  recheck(): void {
    if (this.#credential === undefined) return;
    if (!this.#context.access.holds(this.#credential)) {
      this.refuse(new SluiceError("ERR_UNAUTHORIZED", "The token has been taken back"));
    } else if (this.#handles.recheck()) {
      this.refuse(unreachable("What the user may do has changed"));
    }
  }

  /** Says why, and closes. */
  refuse(reason: SluiceError): void {
    this.#peer.refuse(reason);
  }

  #admit({ type, stream }: FrameHeader, size: number): void {
    const { limits } = this.#context.options;
    if (this.#session === undefined) {
      if (type !== messageTypes.hello || size > maxHello) throw malformed("something else than a greeting");
      return;
    }
    this.#held.admit(type, stream, size, limits);
    this.#count(headerSize + size);
  }

  /** Counts bytes that have come. Who sends faster than may be is read from later. */
  #count(bytes: number): void {
    const wait = this.#context.load.received(this.user, this.#origin.address, bytes);
    if (wait === 0 || this.#isSlowed) return;
    const resume = this.#held.pause();
    this.#slowing = timer(Math.min(wait, longestWait)).subscribe(resume);
  }

  #take(message: Message): void {
    const { stream } = message;
    if (this.#session === undefined) return this.#greet(message.body);
    this.#held.arrived(stream);
    this.#guarded(stream, () => this.#dispatch(message));
    if (!isOfBatches(message.type)) this.#held.answered(stream);
  }

  #dispatch(message: Message): void {
    switch (message.type) {
      case messageTypes.attach:
        return this.#handles.attach(this.user, message.body);
      case messageTypes.cancel:
        return this.#cancel(message.stream);
      case messageTypes.goodbye:
        return this.#leave();
      default:
        return answerMessage(this.#context, this, message);
    }
  }

  /** Runs what answers a request. What it throws is the answer; a breach of the protocol closes the connection. */
  #guarded(stream: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof SluiceError && error.code === "ERR_PROTOCOL") this.refuse(error);
      else this.fail(stream, error);
    }
  }

  #greet(body: Uint8Array): void {
    const { access, sessions, load, options } = this.#context;
    try {
      const hello = decodeHello(body);
      if (!hello.versions.includes(protocolVersion)) throw wrongVersion(hello);
      const credential = access.admit(hello.token ?? this.#origin.token);
      const { user } = credential;
      this.#teardown.push(load.enterAs(user));
      const { session, resumed } = sessions.claim(hello, credential);
      this.#session = session;
      this.#credential = credential;
      this.#handshake.unsubscribe();
      session.attach(this, hello.joins);
      this.#count(headerSize + body.length); // Who has to wait does not get round it by connecting anew.
      this.#peer.send({
        type: messageTypes.welcome,
        stream: 0,
        channel: 0,
        segments: encodeWelcome(this.#context.welcome(user, resumed)),
      });
      this.#peer.watch(options.heartbeat, () => this.#look());
      options.logger.info({ user, address: this.#origin.address, resumed }, "client connected");
    } catch (error) {
      const reason = error instanceof SluiceError ? error : malformed("a greeting that is none");
      options.logger.warn({ address: this.#origin.address, code: reason.code }, "client refused");
      this.refuse(reason);
    }
  }

  #cancel(stream: number): void {
    this.#open.get(stream)?.();
    this.#open.delete(stream);
    this.session.leave(stream);
  }

  /** The client says that it does not come again. */
  #leave(): void {
    this.#context.sessions.end(this.session);
    this.#peer.end(new SluiceError("ERR_CLOSED", "The client has closed"));
  }

  #goOn(): void {
    while (this.#waiting.length > 0 && !this.isFull) this.#waiting.shift()!();
  }

  get #isSlowed(): boolean {
    return this.#slowing?.closed === false;
  }

  /** Looks now and then whether the client is well. */
  #look(): void {
    if (this.#isSlowed) this.#peer.heard(); // What it says is not read, so it is not silent.
    this.#closeWhenStalled();
  }

  #closeWhenStalled(): void {
    const { queued, gone } = this.#peer.sender;
    if (queued === 0 || gone !== this.#gone) this.#stalledSince = undefined;
    else this.#stalledSince ??= performance.now();
    this.#gone = gone;
    if (this.#stalledSince === undefined) return;
    const { stall } = this.#context.options.limits;
    if (performance.now() - this.#stalledSince < stall) return;
    this.#peer.destroy(new SluiceError("ERR_STALLED", `The client took nothing for ${stall} ms`));
  }

  #closed(reason: SluiceError): void {
    const { options, sessions } = this.#context;
    this.#handshake.unsubscribe();
    this.#slowing?.unsubscribe();
    for (const stop of this.#open.values()) stop();
    this.#open.clear();
    this.#waiting.length = 0;
    for (const undo of this.#teardown.splice(0)) undo();
    this.#held.close();
    if (this.#session !== undefined) sessions.detach(this.#session, this);
    options.logger.info({ user: this.user, address: this.#origin.address, code: reason.code }, "client gone");
    this.#context.gone(this);
  }
}

function wrongVersion({ versions }: Hello): SluiceError {
  return new SluiceError(
    "ERR_REFUSED",
    `The service speaks version ${protocolVersion} of the protocol, and the client ${versions.slice(0, 8).join(", ")}`,
  );
}
