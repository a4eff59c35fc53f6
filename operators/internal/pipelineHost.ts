import type { Observable } from "rxjs";
import type { Appended } from "../../src/model/batch.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import type { Downstream } from "./downstream.ts";

/** A batch that has been stored. */
export interface BatchReport {
  /** The number of its partition. */
  readonly partition: number;
  /** How many events it had. */
  readonly count: number;
  /** Its bytes, metadata and data. */
  readonly bytes: number;
  /** Milliseconds from its sending to the backend's answer. */
  readonly duration: number;
}

/** Drafts of one partition that have been stored together. @internal */
export interface StoredDrafts<D extends EventDraft> {
  readonly partition: number;
  readonly drafts: readonly D[];
  readonly appended: Appended;
  readonly report: BatchReport;
}

/**
 * What a pipeline needs of its producer, to which it also brings what has been stored; it completes, or fails with the
 * error of the source, when all is.
 *
 * @internal
 */
export interface PipelineHost<D extends EventDraft> extends Downstream<StoredDrafts<D>> {
  /** An event was not accepted. */
  rejected(draft: D, error: unknown): void;
  /** An event was serialized, so that its size is known. */
  serialized(draft: D): void;
  /** Whether batches go without waiting to be full. */
  readonly isFlushing: boolean;
  /** Each emission sends what has been gathered. */
  readonly flushes: Observable<unknown>;
  /** Told whether any partition has reached its bound. */
  press(isPressed: boolean): void;
  /** Called just before a batch is packed; returns the drafts that still may go. */
  sending(drafts: readonly D[]): readonly D[];
  /** A batch could not be stored. */
  failed(drafts: readonly D[], error: unknown): void;
  /** Events will neither be stored nor fail by themselves, since the pipeline was given up. Some may be settled already. */
  abandoned(drafts: readonly D[]): void;
}
