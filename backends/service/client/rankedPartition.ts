import { from, Observable, type ObservableInput } from "rxjs";
import type { BackendPartition, PartitionPlace, ReadLimits } from "../../../src/model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../../../src/model/batch.ts";
import type { PartitionBounds } from "../../../src/model/partition.ts";
import type { TopicLinks } from "./rankLinks.ts";
import { RemotePartition } from "./remotePartition.ts";

/** A partition that one of the processes of a service has. Its calls go straight there, or where that cannot be by a detour. */
export class RankedPartition implements BackendPartition {
  readonly index: number;
  /** Only where the service's backend has it. */
  readonly nextSequence?: (producer: string) => Observable<number>;
  readonly #links: TopicLinks;
  readonly #place: PartitionPlace;
  readonly #detour: RemotePartition;
  /** Calls that wait for the way to be known, oldest first. */
  readonly #waiting: ((way: RemotePartition) => void)[] = [];
  #way: RemotePartition | undefined;
  #isLooking = false;

  constructor(links: TopicLinks, place: PartitionPlace, detour: RemotePartition) {
    this.#links = links;
    this.#place = place;
    this.#detour = detour;
    this.index = detour.index;
    if (detour.nextSequence !== undefined) {
      this.nextSequence = (producer) => this.#by((way) => way.nextSequence!(producer));
    }
  }

  append(batch: EventBatch): Observable<Appended> {
    return this.#by((way) => way.append(batch));
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#by((way) => way.read(position, limits));
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#by((way) => way.fetch(reads));
  }

  bounds(): Observable<PartitionBounds> {
    return this.#by((way) => way.bounds());
  }

  find(time: number): Observable<number> {
    return this.#by((way) => way.find(time));
  }

  /** Calls keep their order, also those that are made while the way is not known. */
  #by<T>(call: (way: RemotePartition) => ObservableInput<T>): Observable<T> {
    return new Observable((subscriber) => {
      const start = (way: RemotePartition) => {
        if (!subscriber.closed) subscriber.add(from(call(way)).subscribe(subscriber));
      };
      if (this.#way !== undefined) return start(this.#way);
      this.#waiting.push(start);
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { rank, partition } = this.#place;
    const part = await this.#links.to(rank);
    const way = part === undefined ? this.#detour : new RemotePartition(part.client, part, this.index, partition);
    for (let start = this.#waiting.shift(); start !== undefined; start = this.#waiting.shift()) start(way);
    this.#way = way;
  }
}
