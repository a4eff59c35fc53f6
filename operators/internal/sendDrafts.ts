import { asyncScheduler, catchError, defer, EMPTY, map, merge, type Observable, type ObservableInput } from "rxjs";
import type { BackendPartition } from "../../src/model/backend.ts";
import { dataSizeOf, type EventBatch, type ProducerSequence } from "../../src/model/batch.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import { BatchNumbers } from "./batchNumbers.ts";
import type { BatchReport, PipelineHost, StoredDrafts } from "./pipelineHost.ts";
import type { PipelineOptions } from "./pipelineOptions.ts";
import { storeBatch } from "./storeBatch.ts";

/** Sends drafts to one partition, batch by batch. One that fails fails its events, and the stream goes on. @internal */
export function sendDrafts<D extends EventDraft>(
  sink: BackendPartition,
  { name, durability }: PipelineOptions,
  host: PipelineHost<D>,
): (gathered: readonly D[]) => ObservableInput<StoredDrafts<D>> {
  const numbers = name === undefined ? undefined : new BatchNumbers(name);
  const sendAll = (drafts: readonly D[], as?: ProducerSequence): Observable<StoredDrafts<D>> => {
    const start = asyncScheduler.now();
    const sent = (producer?: ProducerSequence) =>
      defer(() => storeBatch(sink, packBatch(drafts, producer, durability)));
    const sending = as !== undefined || numbers === undefined ? sent(as) : numbers.carry(drafts.length, sent);
    return sending.pipe(
      map(({ batch, appended }) => ({
        partition: sink.index,
        drafts,
        appended,
        report: reportOf(batch, sink.index, asyncScheduler.now() - start),
      })),
      catchError((error: unknown) => {
        host.failed(drafts, error);
        return EMPTY;
      }),
    );
  };
  return (gathered) => {
    const drafts = host.sending(gathered);
    if (drafts.length === 0) return EMPTY;
    if (drafts.every(({ producer }) => producer === undefined)) return sendAll(drafts);
    // All at once: they are stored in the order in which they are sent.
    return merge(...runsOf(drafts).map((run) => sendAll(run, run[0]!.producer)));
  };
}

/** Drafts that follow each other and count as sent by one producer, whose numbers follow each other too. */
function runsOf<D extends EventDraft>(drafts: readonly D[]): readonly D[][] {
  const runs: D[][] = [];
  for (const draft of drafts) {
    const run = runs.at(-1);
    if (run !== undefined && goesOn(run[0]!.producer, run.length, draft.producer)) run.push(draft);
    else runs.push([draft]);
  }
  return runs;
}

function goesOn(first: ProducerSequence | undefined, count: number, next: ProducerSequence | undefined): boolean {
  if (first === undefined || next === undefined) return first === next;
  return first.id === next.id && first.sequence + count === next.sequence;
}

function reportOf(batch: EventBatch, partition: number, duration: number): BatchReport {
  return { partition, count: batch.count, bytes: batch.metadata.length + dataSizeOf(batch), duration };
}
