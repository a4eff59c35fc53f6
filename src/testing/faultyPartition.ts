import type { Observable } from "rxjs";
import type { BackendPartition, ReadLimits } from "../model/backend.ts";
import type { Appended, DataRead, EventBatch, StoredBatch } from "../model/batch.ts";
import type { PartitionBounds } from "../model/partition.ts";
import type { PartitionCall } from "./calls.ts";
import type { FaultPlan } from "./faultPlan.ts";

/** A partition whose calls meet the faults of a plan. @internal */
export class FaultyPartition implements BackendPartition {
  readonly index: number;
  /** Only where the partition that has the faults can say it. */
  readonly nextSequence?: (producer: string) => Observable<number>;
  readonly #partition: BackendPartition;
  readonly #plan: FaultPlan;
  readonly #call: PartitionCall;

  constructor(topic: string, partition: BackendPartition, plan: FaultPlan) {
    this.index = partition.index;
    this.#partition = partition;
    this.#plan = plan;
    this.#call = { topic, partition: partition.index };
    if (partition.nextSequence !== undefined)
      this.nextSequence = (producer) =>
        plan.nextSequence.run({ ...this.#call, producer }, () => partition.nextSequence!(producer));
  }

  append(batch: EventBatch): Observable<Appended> {
    return this.#plan.append.run({ ...this.#call, batch }, () => this.#partition.append(batch));
  }

  read(position: number, limits: ReadLimits): Observable<StoredBatch> {
    return this.#plan.read.run({ ...this.#call, position, limits }, () => this.#partition.read(position, limits));
  }

  fetch(reads: readonly DataRead[]): Observable<readonly (readonly Uint8Array[])[]> {
    return this.#plan.fetch.run({ ...this.#call, reads }, () => this.#partition.fetch(reads));
  }

  bounds(): Observable<PartitionBounds> {
    return this.#plan.bounds.run(this.#call, () => this.#partition.bounds());
  }

  find(time: number): Observable<number> {
    return this.#plan.find.run({ ...this.#call, time }, () => this.#partition.find(time));
  }
}
