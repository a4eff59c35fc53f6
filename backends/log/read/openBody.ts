import { boundOf, openMetadata, type BatchSeal } from "../encryption/sealBatch.ts";
import { batchHeaderSize, type BatchHeader } from "../format/batchHeader.ts";
import type { BatchBody } from "../format/decodeBatchBody.ts";
import { unreadable } from "../logErrors.ts";
import type { Segment } from "../segments/segment.ts";

/** The metadata of a batch as it was given to the log, and what decrypts its data. */
export interface OpenBody {
  readonly metadata: Uint8Array;
  readonly seal: BatchSeal | undefined;
}

/**
 * Decrypts the metadata of a batch, where it is encrypted. Rejects with `ERR_KEY`, and with `ERR_STORAGE` when the key is right
 * and the bytes have been changed by somebody who has set the checksums right as well.
 */
export async function openBody(
  segment: Segment,
  header: BatchHeader,
  bytes: Uint8Array,
  { metadata, tags, tables }: BatchBody,
  offset: number,
): Promise<OpenBody> {
  if (tags === undefined) return { metadata, seal: undefined };
  const cipher = await segment.cipher;
  if (cipher === undefined) throw unreadable(segment.path, offset, header.baseId, header.next);
  const seal = { cipher, number: header.number, bound: boundOf(bytes.subarray(0, batchHeaderSize)), tags };
  const plain = openMetadata(seal, tables, metadata);
  if (plain === undefined) throw unreadable(segment.path, offset, header.baseId, header.next);
  return { metadata: plain, seal };
}
