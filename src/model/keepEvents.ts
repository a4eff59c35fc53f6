import { idAt, metadataAt, type EventBatch } from "./batch.ts";
import { selectBytes } from "./selectBytes.ts";

/** A batch with all of its bytes, and the ids that it covers. */
export interface WholeBatch extends EventBatch {
  /** The first id that it covers. */
  readonly firstId: number;
  /** The id of each event, where some are missing. */
  readonly ids?: Float64Array | undefined;
  /** The id behind the last that it covers. */
  readonly next: number;
}

/**
 * What is left of a batch when some of its events are removed. The others keep their ids, times and keys. Bytes of metadata are
 * copied, those of data are not.
 *
 * @param keep - The indexes of the events that stay, in order.
 * @internal
 */
export function keepEvents(batch: WholeBatch, keep: readonly number[]): WholeBatch & { readonly ids: Float64Array } {
  const parts = keep.map((index) => metadataAt(batch, index));
  let end = 0;
  const metadataEnds = Uint32Array.from(parts, (part) => (end += part.length));
  const metadata = new Uint8Array(end);
  for (const [i, part] of parts.entries()) metadata.set(part, metadataEnds[i]! - part.length);
  return {
    count: keep.length,
    firstId: batch.firstId,
    next: batch.next,
    ids: Float64Array.from(keep, (index) => idAt(batch, index)),
    metadata,
    metadataEnds,
    timestamps: Float64Array.from(keep, (index) => batch.timestamps[index]!),
    ...keepData(batch, keep),
    ...(batch.keys && {
      keys: {
        keys: keep.map((index) => batch.keys!.keys[index]!),
        tombstones: Uint8Array.from(keep, (index) => batch.keys!.tombstones[index]!),
      },
    }),
  };
}

function keepData({ data, dataEnds }: WholeBatch, keep: readonly number[]): Pick<EventBatch, "data" | "dataEnds"> {
  if (dataEnds === undefined) return { data: [], dataEnds: undefined };
  const ranges = new Float64Array(2 * keep.length);
  let end = 0;
  const ends = Float64Array.from(keep, (index, i) => {
    const start = index === 0 ? 0 : dataEnds[index - 1]!;
    ranges[2 * i] = start;
    ranges[2 * i + 1] = dataEnds[index]! - start;
    return (end += dataEnds[index]! - start);
  });
  return end === 0 ? { data: [], dataEnds: undefined } : { data: selectBytes(data, ranges), dataEnds: ends };
}
