import { SluiceError } from "../../../src/model/errors.ts";
import type { Capabilities } from "../../../src/model/backend.ts";
import { decodeObject, encodeJson } from "../protocol/boundedJson.ts";
import { decodeError } from "../protocol/errorCodec.ts";
import { messageTypes, sentAgain } from "../protocol/frame.ts";
import type { Message } from "../protocol/frameDecoder.ts";
import type { Welcome } from "../protocol/handshake.ts";
import { readPlaces } from "../protocol/ranksCodec.ts";
import type { Peer } from "../protocol/peer.ts";
import type { Dial } from "../transport/dial.ts";
import type { Attachable, Call } from "./call.ts";
import type { CheckedServiceOptions } from "./clientOptions.ts";
import { Connector } from "./connector.ts";

/** Batches that are unanswered at once, at the most: as many answers a service remembers. */
const maxBatches = 2048;

/** A call under the number of its stream. */
interface Pending {
  readonly call: Call;
  /** Whether it has been sent over the present connection. */
  isSent: boolean;
  /** Whether it has ever been sent. */
  wasSent: boolean;
}

/** One client of a service: carries calls out over connections that may be lost and made anew. */
export class ServiceClient {
  readonly #connector: Connector;
  /** Calls that are not answered, oldest first. */
  readonly #pending = new Map<number, Pending>();
  /** Batches that wait for their turn, oldest first. */
  readonly #waiting = new Set<number>();
  readonly #attached = new Map<number, Attachable>();
  /** Topics of which each connection tells from its start, by their names. */
  readonly #followed = new Map<string, Attachable>();
  /** Topics that were opened through it, by whatever they are to others. */
  readonly #topics = new WeakMap<object, Attachable>();
  #peer: Peer | undefined;
  #welcome: Welcome | undefined;
  #streams = 0;
  #handles = 0;
  #unanswered = 0;
  #batches = 0;
  #isClosed = false;

  constructor(addresses: readonly string[], options: CheckedServiceOptions, dial: Dial) {
    this.#connector = new Connector(addresses, options, dial, {
      message: (message) => this.#take(message),
      target: (header, size) => this.#pending.get(header.stream)?.call.target?.(header.type, size),
      joins: () => this.#joins(),
      connected: (peer, welcome) => this.#connected(peer, welcome),
      lost: (reason) => this.#lost(reason),
      gaveUp: (error) => this.#failAll(error),
    });
  }

  /** Makes the first connection. Rejects when that fails. */
  connect(): Promise<void> {
    return this.#connector.connectOnce();
  }

  get capabilities(): Capabilities {
    return this.#welcome!.capabilities;
  }

  /** Names the run of the service that is connected to, or was last. */
  get service(): string {
    return this.#welcome!.service;
  }

  /** Names the session, in a way that is of no use to others. */
  get session(): string {
    return this.#connector.name;
  }

  /** The address that it is connected to, or was last. */
  get address(): string {
    return this.#connector.address;
  }

  /** Connects to no other address any more than to the one where it was last. */
  stay(): void {
    this.#connector.stay();
  }

  /** The largest batch that the service takes, in bytes. */
  get maxMessage(): number {
    return this.#welcome!.limits.message;
  }

  /** A number for a topic. */
  nextHandle(): number {
    return ++this.#handles;
  }

  /** Takes up a topic that it has opened. */
  enter(topic: Attachable): void {
    this.#topics.set(topic, topic);
  }

  /** Has the service tell of a topic that nothing may be asked of for long. Others it tells of once they are used. */
  follow(topic: Attachable): void {
    this.#followed.set(topic.name, topic);
    if (this.#peer !== undefined) this.#attach(topic);
  }

  /** A topic as calls use it; undefined when it was opened in another way. */
  find(topic: object): Attachable | undefined {
    return this.#topics.get(topic);
  }

  /** Begins a call. Returns the number of its stream. */
  start(call: Call): number {
    const stream = this.#nextStream();
    if (this.#isClosed) {
      call.fail(closed());
      return stream;
    }
    this.#pending.set(stream, { call, isSent: false, wasSent: false });
    if (this.#peer === undefined) this.#connector.reconnect();
    else this.#send(stream);
    return stream;
  }

  /** Ends a call whose answer nobody waits for. */
  cancel(stream: number): void {
    const pending = this.#pending.get(stream);
    if (pending === undefined) return;
    this.#settle(stream, pending);
    if (!pending.isSent) return;
    this.#peer?.discard(stream);
    this.#peer?.signal(messageTypes.cancel, stream);
  }

  /** Says something for which there is no answer; nothing, where there is no connection. */
  tell(type: number, stream: number, segments: readonly Uint8Array[]): void {
    this.#peer?.send({ type, stream, channel: 0, segments });
  }

  /** Says goodbye, and fails what is unanswered. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peer?.signal(messageTypes.goodbye, 0);
    this.#peer?.end(closed());
    this.#connector.close();
    this.#failAll(closed());
  }

  #nextStream(): number {
    do this.#streams = this.#streams === 0xffff_ffff ? 1 : this.#streams + 1;
    while (this.#pending.has(this.#streams));
    return this.#streams;
  }

  #joins(): number[] {
    return [...this.#pending].filter(([, { call }]) => call.type === messageTypes.join).map(([stream]) => stream);
  }

  #connected(peer: Peer, welcome: Welcome): void {
    this.#peer = peer;
    this.#welcome = welcome;
    for (const topic of this.#followed.values()) this.#attach(topic);
    for (const [stream, pending] of [...this.#pending]) {
      if (!this.#pending.has(stream)) continue; // The failure of another has ended it.
      const problem = pending.wasSent ? pending.call.again?.(welcome.resumed) : undefined;
      if (problem === undefined) this.#send(stream);
      else this.#fail(stream, pending, problem);
    }
  }

  #lost(reason: SluiceError): void {
    this.#peer = undefined;
    this.#attached.clear();
    this.#waiting.clear();
    this.#unanswered = 0;
    this.#batches = 0;
    for (const pending of this.#pending.values()) {
      pending.isSent = false;
      if (pending.call.topic !== undefined) pending.call.topic.unanswered = 0;
    }
    if (isFinal(reason)) return this.#failAll(reason);
    if (this.#pending.size > 0) this.#connector.reconnect();
  }

  #send(stream: number): void {
    const pending = this.#pending.get(stream)!;
    const { call } = pending;
    const { topic, others = [], credit = 0 } = call;
    if (credit > 0 && !this.#hasCredit(topic!)) {
      this.#waiting.add(stream);
      return;
    }
    if (topic !== undefined) this.#attach(topic);
    for (const other of others) this.#attach(other);
    if (credit > 0) {
      topic!.unanswered += credit;
      this.#unanswered += credit;
      this.#batches++;
    }
    const flags = pending.wasSent ? sentAgain : 0;
    pending.isSent = true;
    pending.wasSent = true;
    this.#peer!.send({ type: call.type, stream, flags, channel: call.channel ?? 0, segments: call.body() });
  }

  #hasCredit(topic: Attachable): boolean {
    const { topicWindow, window } = this.#welcome!.limits;
    return topic.unanswered <= topicWindow && this.#unanswered <= window && this.#batches < maxBatches;
  }

  /** Makes a topic known to the connection. The requests behind it need not wait for an answer. */
  #attach(topic: Attachable): void {
    const { handle, name, incarnation, service, own } = topic;
    if (this.#attached.has(handle)) return;
    this.#attached.set(handle, topic);
    const body = { handle, topic: name, incarnation: service === this.#welcome!.service ? incarnation : null, ...own };
    this.tell(messageTypes.attach, 0, [encodeJson(body)]);
  }

  #take({ type, stream, body }: Message): void {
    if (type === messageTypes.notice) return this.#notice(body);
    const pending = this.#pending.get(stream);
    if (pending === undefined) return; // It was cancelled while the answer was on its way.
    if (type === messageTypes.error) return this.#fail(stream, pending, decodeError(body));
    let isLast: boolean;
    try {
      isLast = pending.call.take(type, body);
    } catch (error) {
      this.#fail(stream, pending, error);
      throw error;
    }
    if (isLast) this.#settle(stream, pending);
  }

  #notice(body: Uint8Array): void {
    const { handle, partitions, places } = decodeObject(body);
    if (!Number.isSafeInteger(partitions)) return;
    this.#attached.get(handle as number)?.grow(partitions as number, readPlaces(places));
  }

  #fail(stream: number, pending: Pending, error: unknown): void {
    this.#settle(stream, pending);
    pending.call.fail(error);
  }

  #settle(stream: number, { call, isSent }: Pending): void {
    this.#pending.delete(stream);
    this.#waiting.delete(stream);
    const { credit = 0, topic } = call;
    if (!isSent || credit === 0) return;
    topic!.unanswered -= credit;
    this.#unanswered -= credit;
    this.#batches--;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (const stream of this.#waiting) {
      if (!this.#hasCredit(this.#pending.get(stream)!.call.topic!)) continue;
      this.#waiting.delete(stream);
      this.#send(stream);
    }
  }

  #failAll(error: SluiceError): void {
    for (const [stream, pending] of [...this.#pending]) {
      this.#pending.delete(stream);
      this.#waiting.delete(stream);
      pending.call.fail(error);
    }
  }
}

/** Whether trying again cannot help. */
export function isFinal({ code }: SluiceError): boolean {
  return code === "ERR_UNAUTHORIZED" || code === "ERR_REFUSED" || code === "ERR_PROTOCOL" || code === "ERR_UNSUPPORTED";
}

function closed(): SluiceError {
  return new SluiceError("ERR_CLOSED", "The connection to the service is closed");
}
