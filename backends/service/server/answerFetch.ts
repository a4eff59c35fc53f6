import { from, Subscription, take } from "rxjs";
import type { BackendPartition } from "../../../src/model/backend.ts";
import type { DataRead } from "../../../src/model/batch.ts";
import { sizeOfRead } from "../protocol/fetchCodec.ts";
import { messageTypes } from "../protocol/frame.ts";
import type { Exchange } from "./exchange.ts";
import type { ReusedMemory } from "./reusedMemory.ts";

/** How many bytes are fetched at once, so that data of any size goes through little memory. */
const pieceBytes = 1 << 20;

/** Answers a fetch with the bytes of its ranges, in pieces, as fast as the client takes them. */
export function answerFetch(
  exchange: Exchange,
  stream: number,
  partition: BackendPartition,
  reads: readonly DataRead[],
  memory: ReusedMemory,
): void {
  const pieces = piecesOf(reads);
  let fetching = new Subscription();
  let isStopped = false;
  exchange.begin(stream, () => {
    isStopped = true;
    fetching.unsubscribe();
  });
  const next = () => {
    if (isStopped) return;
    if (exchange.isFull) return exchange.whenRoom(next);
    const piece = pieces.next();
    if (piece.done === true) return exchange.answer(stream, messageTypes.end, []);
    const lent = memory.take(sizeOf(piece.value));
    const gone = lent && (() => memory.giveBack(lent));
    fetching = from(partition.fetch(lent === undefined ? piece.value : intoMemory(piece.value, lent)))
      .pipe(take(1))
      .subscribe({
        next: (segments) => exchange.send(stream, messageTypes.bytes, segments.flat(), gone),
        error: (error: unknown) => exchange.fail(stream, error),
        complete: () => setImmediate(next), // Others have their turn between two pieces.
      });
  };
  next();
}

/** The same reads, into one piece of memory. */
function intoMemory(reads: readonly DataRead[], memory: Uint8Array): readonly DataRead[] {
  let end = 0;
  return reads.map((read) => {
    const start = end;
    end += sizeOfRead(read);
    return { ...read, into: [memory.subarray(start, end)] };
  });
}

function sizeOf(reads: readonly DataRead[]): number {
  return reads.reduce((sum, read) => sum + sizeOfRead(read), 0);
}

/** Cuts reads into groups of about as many bytes; a read that is larger is cut into several. */
function* piecesOf(reads: readonly DataRead[]): Generator<readonly DataRead[], undefined> {
  let piece: DataRead[] = [];
  let bytes = 0;
  for (const read of reads) {
    for (const part of partsOf(read)) {
      const size = sizeOfRead(part);
      if (bytes > 0 && bytes + size > pieceBytes) {
        yield piece;
        piece = [];
        bytes = 0;
      }
      piece.push(part);
      bytes += size;
    }
  }
  if (piece.length > 0) yield piece;
  return undefined;
}

function* partsOf(read: DataRead): Generator<DataRead> {
  if (sizeOfRead(read) <= pieceBytes) return yield read;
  let ranges: number[] = [];
  let left = pieceBytes;
  for (let i = 0; i < read.ranges.length; i += 2) {
    let [offset, size] = [read.ranges[i]!, read.ranges[i + 1]!];
    while (size > 0) {
      const taken = Math.min(size, left);
      ranges.push(offset, taken);
      offset += taken;
      size -= taken;
      left -= taken;
      if (left > 0) continue;
      yield { ...read, ranges: Float64Array.from(ranges) };
      ranges = [];
      left = pieceBytes;
    }
  }
  if (ranges.length > 0) yield { ...read, ranges: Float64Array.from(ranges) };
}
