import type { ProducerSequence } from "../../src/model/batch.ts";
import type { KeyOfEvent } from "../../src/model/compaction.ts";
import { EventData } from "../../src/model/data.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { Promised } from "../../src/model/future.ts";
import type { PushTrace } from "../../src/model/pushTracer.ts";
import type { Epoch } from "./flushes.ts";

/** What the events that are pushed at one moment have in common, kept once for all of them. @internal */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The flush that they belong to. */
  readonly epoch: Epoch;
}

/**
 * An event between its push and its receipt. It is the draft that goes down the pipeline and at the same time the future
 * that `push` returns, so that the hot path makes one object an event.
 *
 * @internal
 */
export class OutstandingDraft<M> extends Promised<number> implements EventDraft<M> {
  metadata: M;
  data: EventData;
  readonly requested: number | undefined;
  readonly moment: Moment;
  partition = -1;
  payload: string | Uint8Array | undefined = undefined;
  declare key?: KeyOfEvent | undefined;
  declare trace?: PushTrace | undefined;
  declare producer?: ProducerSequence | undefined;

  constructor(metadata: M, data: EventData, requested: number | undefined, moment: Moment) {
    super();
    this.metadata = metadata;
    this.data = data;
    this.requested = requested;
    this.moment = moment;
  }

  get timestamp(): number {
    return this.moment.time;
  }

  protected override firstWatched(): void {
    if (this.state === "rejected") this.moment.epoch.seen++;
  }

  /** Lets go of what it carried, since its caller may keep the future for long. */
  release(): void {
    this.metadata = undefined as M;
    this.data = EventData.empty;
    this.payload = undefined;
    if (this.key !== undefined) this.key = undefined;
    if (this.trace !== undefined) this.trace = undefined;
  }
}
