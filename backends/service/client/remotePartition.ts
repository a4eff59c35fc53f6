import { map, Observable } from "rxjs";
import type { BackendPartition, ReadLimits } from "../../../src/model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../../../src/model/batch.ts";
import type { PartitionBounds } from "../../../src/model/partition.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { messageTypes } from "../protocol/frame.ts";
import { decodeBatch, encodeRead } from "../protocol/readCodec.ts";
import { ask } from "./ask.ts";
import type { Attachable } from "./call.ts";
import { fetchCall } from "./fetchCall.ts";
import { ProducerSlots } from "./producerSlots.ts";
import type { ServiceClient } from "./serviceClient.ts";
import { StoreCall } from "./storeCall.ts";

/** One partition at a service. */
export class RemotePartition implements BackendPartition {
  readonly index: number;
  /** Its number where it is asked for. */
  readonly #number: number;
  /** Only where the service's backend has it. */
  readonly nextSequence?: (producer: string) => Observable<number>;
  readonly #client: ServiceClient;
  readonly #topic: Attachable;
  readonly #slots: ProducerSlots | undefined = undefined;

  /** @param number - By which the process at the other end knows it. */
  constructor(client: ServiceClient, topic: Attachable, index: number, number: number) {
    this.#client = client;
    this.#topic = topic;
    this.index = index;
    this.#number = number;
    if (client.capabilities.idempotent) this.#slots = new ProducerSlots(`-${client.session}.${topic.handle}.${number}`);
    if (client.capabilities.nextSequence === true) {
      this.nextSequence = (producer) => this.#ask("nextSequence", { producer }).pipe(map(numberOf));
    }
  }

  append(batch: EventBatch): Observable<Appended> {
    // Unsubscribing does not take a batch back: nobody could say whether it was stored.
    return new Observable((subscriber) => {
      new StoreCall(this.#client, this.#topic, this.#number, batch, this.#slots, subscriber).start();
    });
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return new Observable((subscriber) => {
      let isOver = false;
      const stream = this.#client.start({
        type: messageTypes.read,
        topic: this.#topic,
        body: () => encodeRead({ handle: this.#topic.handle, partition: this.#number, position, limits }),
        take: (type, body) => {
          isOver = true;
          if (type === messageTypes.batch) subscriber.next(decodeBatch(body));
          else if (type !== messageTypes.end) throw malformed("an answer of another kind");
          subscriber.complete();
          return true;
        },
        fail: (error) => {
          isOver = true;
          subscriber.error(error);
        },
      });
      return () => {
        if (!isOver) this.#client.cancel(stream);
      };
    });
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return fetchCall(this.#client, this.#topic, this.#number, reads);
  }

  bounds(): Observable<PartitionBounds> {
    return this.#ask("bounds").pipe(map((answer) => answer as PartitionBounds));
  }

  find(time: number): Observable<number> {
    return this.#ask("find", { time }).pipe(map(numberOf));
  }

  #ask(op: string, fields: Readonly<Record<string, unknown>> = {}): Observable<unknown> {
    return ask(this.#client, { op, partition: this.#number, ...fields }, this.#topic);
  }
}

function numberOf(answer: unknown): number {
  if (typeof answer !== "number") throw malformed("a number that is none");
  return answer;
}
