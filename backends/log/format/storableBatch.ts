import type { EventBatch } from "../../../src/model/batch.ts";

/** What can be stored as a batch: that of a producer, or what a repair or a compaction has left of several. */
export interface StorableBatch extends EventBatch {
  /** The id of each event, where some are missing. */
  readonly ids?: Float64Array | undefined;
  /** The id behind the last that it covers, where some are missing. */
  readonly next?: number | undefined;
  /** As in `StoredBatch`. */
  readonly lost?: boolean | undefined;
  /** The checksums of its data as it is, where they were made ahead. */
  readonly blockChecksums?: Uint32Array | undefined;
}
