import { firstValueFrom } from "rxjs";
import { dataSizeAt, idAt, metadataAt, type StoredBatch } from "../../../src/model/batch.ts";
import type { LogPartition } from "../partition.ts";
import { decodeTarget, type TargetBatch, type TargetHead, type TransactionHead } from "./transactionRecord.ts";

/** A transaction as it is found in the journal. */
export interface StoredTransaction {
  /** The id of its first event. */
  readonly id: number;
  /** The id behind its last event. */
  readonly next: number;
  readonly bytes: number;
  readonly head: TransactionHead;
  /** Its batches, each read when it is asked for. */
  readonly targets: () => AsyncGenerator<TargetBatch>;
}

/** One event of the journal. */
interface Entry {
  readonly id: number;
  readonly size: number;
  readonly head: TransactionHead | TargetHead;
}

/** Reads the journal from a position to its end. */
export async function* readTransactions(journal: LogPartition, position: number): AsyncGenerator<StoredTransaction> {
  const entries = readEntries(journal, position);
  for await (const { id, head } of entries) {
    const { appends } = head as TransactionHead;
    const batches: Entry[] = [];
    while (batches.length < appends) batches.push((await entries.next()).value as Entry);
    const bytes = batches.reduce((sum, { size }) => sum + size, 0);
    const targets = () => readTargets(journal, batches);
    yield { id, next: id + 1 + appends, bytes, head: head as TransactionHead, targets };
  }
}

async function* readEntries(journal: LogPartition, position: number): AsyncGenerator<Entry> {
  const { start, end } = await firstValueFrom(journal.bounds());
  for (let at = Math.max(position, start); at < end;) {
    const batch = await firstValueFrom(journal.read(at, { maxEvents: 1024, maxBytes: 1 << 20 }));
    for (let i = 0; i < batch.count; i++)
      yield { id: idAt(batch, i), size: dataSizeAt(batch, i), head: headAt(batch, i) };
    at = batch.next;
  }
}

async function* readTargets(journal: LogPartition, entries: readonly Entry[]): AsyncGenerator<TargetBatch> {
  for (const { id, size, head } of entries) {
    const bytes = new Uint8Array(size);
    const ranges = Float64Array.of(0, size);
    await firstValueFrom(journal.fetch([{ id, location: undefined, ranges, into: [bytes] }]));
    yield decodeTarget(head as TargetHead, bytes);
  }
}

function headAt(batch: StoredBatch, index: number): Entry["head"] {
  return JSON.parse(new TextDecoder().decode(metadataAt(batch, index))) as Entry["head"];
}
