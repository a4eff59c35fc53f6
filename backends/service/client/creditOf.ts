import { dataSizeOf, type EventBatch } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";

/** Bytes of a batch beside its metadata and data, for each event and in all, at the most. */
const bytesPerEvent = 20;
const bytesPerBatch = 600;

/** The bytes that count against the windows of a service for a batch. A little more than are sent. */
export function creditOf(batch: EventBatch): number {
  const keys = batch.keys?.keys.reduce((sum, key) => sum + 3 * key.length + 5, 0) ?? 0; // Three bytes of UTF-8 for each at the most.
  return batch.metadata.length + dataSizeOf(batch) + keys + bytesPerEvent * batch.count + bytesPerBatch;
}

/** The error for a batch, or several that go together, of more bytes than a service takes at once. */
export function tooLarge(size: number, most: number): SluiceError {
  return new SluiceError(
    "ERR_TOO_LARGE",
    `About ${size} bytes at once are more than the ${most} that the service takes`,
    {
      details: { size, most },
    },
  );
}
