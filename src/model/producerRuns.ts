import type { ProducerRun, ProducerSequence, StoredBatch } from "./batch.ts";
import { lastIndexWhere } from "./lastIndexWhere.ts";

/** Who has sent an event of a batch, and its place among all that this producer has sent; undefined where nobody knows. @internal */
export function producerAt({ producers }: Pick<StoredBatch, "producers">, index: number): ProducerSequence | undefined {
  if (producers === undefined) return undefined;
  const run = producers[lastIndexWhere(producers.length, (i) => producers[i]!.index <= index)];
  return run?.producer && placeIn(run.producer, index - run.index);
}

/**
 * Notes who has sent the events from an index on. A run that goes on is left to go on.
 *
 * @internal
 */
export function addRun(runs: ProducerRun[], index: number, producer: ProducerSequence | undefined): void {
  const last = runs.at(-1);
  if (last !== undefined && isNext(last, index, producer)) return;
  runs.push({ index, producer });
}

/** The runs of the events from one index up to another one, which is behind the last. @internal */
export function cutRuns(
  runs: readonly ProducerRun[] | undefined,
  first: number,
  last: number,
): readonly ProducerRun[] | undefined {
  if (runs === undefined) return undefined;
  const cut: ProducerRun[] = [];
  for (const [i, { index, producer }] of runs.entries()) {
    if (index >= last || (runs[i + 1]?.index ?? Infinity) <= first) continue;
    const skipped = Math.max(0, first - index);
    cut.push({ index: index + skipped - first, producer: producer && placeIn(producer, skipped) });
  }
  return cut;
}

/** The runs of batches that are put behind each other. @internal */
export function joinRuns(batches: readonly StoredBatch[]): readonly ProducerRun[] | undefined {
  if (batches.every(({ producers }) => producers === undefined)) return undefined;
  const joined: ProducerRun[] = [];
  let start = 0;
  for (const { count, producers } of batches) {
    if (count > 0 && producers === undefined) addRun(joined, start, undefined);
    for (const { index, producer } of producers ?? []) addRun(joined, start + index, producer);
    start += count;
  }
  return joined;
}

function isNext(
  { index: from, producer: last }: ProducerRun,
  index: number,
  next: ProducerSequence | undefined,
): boolean {
  if (last === undefined || next === undefined) return last === next;
  return last.id === next.id && last.sequence + index - from === next.sequence;
}

function placeIn({ id, sequence }: ProducerSequence, behind: number): ProducerSequence {
  return { id, sequence: sequence + behind };
}
