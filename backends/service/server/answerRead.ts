import { from, Subscription, take } from "rxjs";
import type { BackendPartition } from "../../../src/model/backend.ts";
import { messageTypes } from "../protocol/frame.ts";
import { encodeBatch, type ReadMessage } from "../protocol/readCodec.ts";
import type { Exchange } from "./exchange.ts";

/** What one read may bring, whatever a client asks for. */
const mostEvents = 65_536;
const mostBytes = 8 << 20;

/**
 * Answers a read with the next batch, once there is one. Where the client has not taken what it got before, the batch is let
 * go of and read again later: what waits for a client that takes nothing stays within its bound.
 */
export function answerRead(
  exchange: Exchange,
  stream: number,
  partition: BackendPartition,
  { position, limits }: ReadMessage,
): void {
  const bounded = { maxEvents: Math.min(limits.maxEvents, mostEvents), maxBytes: Math.min(limits.maxBytes, mostBytes) };
  let reading = new Subscription();
  let isStopped = false;
  const read = () => {
    if (isStopped) return;
    let answered = false;
    reading = from(partition.read(position, bounded))
      .pipe(take(1))
      .subscribe({
        next: (batch) => {
          answered = true;
          if (exchange.isFull) exchange.whenRoom(read);
          else exchange.answer(stream, messageTypes.batch, encodeBatch(batch));
        },
        error: (error: unknown) => exchange.fail(stream, error),
        complete: () => {
          if (!answered) exchange.answer(stream, messageTypes.end, []);
        },
      });
  };
  exchange.begin(stream, () => {
    isStopped = true;
    reading.unsubscribe();
  });
  if (exchange.isFull) exchange.whenRoom(read);
  else read();
}
