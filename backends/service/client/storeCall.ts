import type { Subscriber } from "rxjs";
import type { Appended, EventBatch } from "../../../src/model/batch.ts";
import { isSluiceError, type SluiceError } from "../../../src/model/errors.ts";
import { decodeAppended, encodeAppend } from "../protocol/appendCodec.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { messageTypes } from "../protocol/frame.ts";
import { unreachable } from "../protocol/peer.ts";
import type { Attachable, Call } from "./call.ts";
import { creditOf, tooLarge } from "./creditOf.ts";
import type { ProducerSlot, ProducerSlots } from "./producerSlots.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** Stores a batch. It is sent again over a new connection until it is answered, and is stored once. */
export class StoreCall implements Call {
  readonly type = messageTypes.append;
  readonly topic: Attachable;
  readonly channel: string;
  readonly credit: number;
  readonly #client: ServiceClient;
  readonly #partition: number;
  readonly #batch: EventBatch;
  readonly #slots: ProducerSlots | undefined;
  readonly #subscriber: Subscriber<Appended>;
  #slot: ProducerSlot | undefined;

  /** @param slots - Identities for a batch whose producer has none; undefined when the backend makes no use of them. */
  constructor(
    client: ServiceClient,
    topic: Attachable,
    partition: number,
    batch: EventBatch,
    slots: ProducerSlots | undefined,
    subscriber: Subscriber<Appended>,
  ) {
    this.#client = client;
    this.topic = topic;
    this.channel = `${topic.handle}/${partition}`;
    this.credit = creditOf(batch);
    this.#partition = partition;
    this.#batch = batch;
    this.#slots = batch.producer === undefined ? slots : undefined;
    this.#subscriber = subscriber;
  }

  start(): void {
    const { maxMessage } = this.#client;
    if (this.credit > maxMessage) return this.fail(tooLarge(this.credit, maxMessage));
    this.#slot = this.#slots?.take();
    this.#client.start(this);
  }

  body(): readonly Uint8Array[] {
    const producer = this.#slot?.producer ?? this.#batch.producer;
    return encodeAppend({ handle: this.topic.handle, partition: this.#partition, batch: { ...this.#batch, producer } });
  }

  take(type: number, body: Uint8Array): boolean {
    if (type !== messageTypes.appended) throw malformed("an answer of another kind");
    const appended = decodeAppended(body, this.#batch.count);
    this.#slot?.stored(this.#batch.count);
    this.#subscriber.next(appended);
    this.#subscriber.complete();
    return true;
  }

  fail(error: unknown): void {
    // An identity that the backend has forgotten, since many others came after it: the batch has not been stored.
    if (this.#slot !== undefined && isSluiceError(error, "ERR_OUT_OF_SEQUENCE") && this.#slot.producer.sequence > 0) {
      this.#slot = this.#slots!.take();
      this.#client.start(this);
      return;
    }
    this.#subscriber.error(error);
  }

  again(isKnown: boolean): SluiceError | undefined {
    if (isKnown || this.#client.capabilities.idempotent) return undefined;
    return unreachable(
      "The connection was lost while a batch was being stored, and the service was started anew: whether the batch is stored is not known",
    );
  }
}
