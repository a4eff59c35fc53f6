import { EmptyError, firstValueFrom, from, timeout, TimeoutError } from "rxjs";
import type { BackendPartition, PartitionBounds, StoredBatch } from "sluice";
import { baseOf, isSameTime, type Forwarded } from "./numbering.ts";

/** The part of a partition that is looked at. */
type Readable = Pick<BackendPartition, "bounds" | "read">;

/** How many of the newest events of the target are looked at, at first and when none of them was forwarded. */
const windows = [8192, 65_536];

/** How many of the newest forwarded events have to be the same in the source. */
const compared = 8;

/** Milliseconds for one batch. */
const patience = 5000;

const limits = { maxEvents: 4096, maxBytes: 8 << 20 };

/**
 * Looks at the end of a partition of the target for what an earlier run has stored there. It counts only when the newest of it is
 * what the source has under the same ids.
 *
 * @param source - The partition that the events come from.
 * @param target - The partition that they go to.
 * @param prefix - What the names of this forward begin with.
 */
export async function findForwarded(
  source: Readable,
  target: Readable,
  prefix: string,
): Promise<Forwarded | undefined> {
  const { start, end } = await boundsOf(target);
  for (const window of windows) {
    const first = Math.max(start, end - window);
    const found = await forwardedBetween(target, first, end, prefix);
    if (found !== undefined) return (await isInSource(source, found)) ? found : undefined;
    if (first === start) return undefined;
  }
  return undefined;
}

async function forwardedBetween(
  target: Readable,
  first: number,
  end: number,
  prefix: string,
): Promise<Forwarded | undefined> {
  const times = new Map<number, number>();
  let newest: { readonly name: string; readonly base: number } | undefined;
  let last = -1;
  await readBetween(target, first, end, ({ count, timestamps, producers = [] }) => {
    for (const [i, { index, producer }] of producers.entries()) {
      const base = producer && baseOf(producer.id, prefix);
      if (producer === undefined || base === undefined) continue;
      newest = { name: producer.id, base };
      const behind = producers[i + 1]?.index ?? count;
      for (let at = index; at < behind; at++) {
        last = base + producer.sequence + at - index;
        times.set(last, timestamps[at]!);
      }
    }
  });
  return newest && { ...newest, last, times };
}

async function isInSource(source: Readable, { last, times }: Forwarded): Promise<boolean> {
  const { start, end } = await boundsOf(source);
  const first = Math.max(start, last - compared + 1);
  if (first > last || last >= end) return false;
  let isSame = true;
  await readBetween(source, first, last + 1, ({ count, firstId, ids, timestamps }) => {
    for (let i = 0; i < count; i++) {
      const id = ids === undefined ? firstId + i : ids[i]!;
      const time = times.get(id);
      if (id <= last && time !== undefined && !isSameTime(time, timestamps[i]!)) isSame = false;
    }
  });
  return isSame;
}

async function readBetween(
  partition: Readable,
  first: number,
  end: number,
  take: (batch: StoredBatch) => void,
): Promise<void> {
  let position = first;
  while (position < end) {
    const batch = await nextBatch(partition, position);
    if (batch === undefined) return;
    take(batch);
    position = batch.next;
  }
}

async function nextBatch(partition: Readable, position: number): Promise<StoredBatch | undefined> {
  try {
    return await firstValueFrom(from(partition.read(position, limits)).pipe(timeout({ first: patience })));
  } catch (error) {
    // The end of a sealed topic, or a broker that has only marks of its own up to the end.
    if (error instanceof EmptyError || error instanceof TimeoutError) return undefined;
    throw error;
  }
}

function boundsOf(partition: Readable): Promise<PartitionBounds> {
  return firstValueFrom(from(partition.bounds()));
}
