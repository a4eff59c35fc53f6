import test from "ava";
import { WaitingReads } from "../../src/model/waitingReads.ts";

function storeOf(): {
  stored: number[];
  reads: WaitingReads<number>;
  tried: number[];
  read: ReturnType<WaitingReads<number>["read"]>;
} {
  const stored: number[] = [];
  const tried: number[] = [];
  const reads = new WaitingReads<number>();
  const read = reads.read((subscriber) => {
    tried.push(stored.length);
    if (stored[0] === undefined) return false;
    subscriber.next(stored[0]);
    subscriber.complete();
    return true;
  });
  return { stored, reads, tried, read };
}

test("WaitingReads answers at once where it can, and tries no more", (t) => {
  const { stored, reads, tried, read } = storeOf();
  stored.push(7);
  const seen: number[] = [];
  read.subscribe((value) => seen.push(value));
  reads.wake();
  t.deepEqual({ seen, tried }, { seen: [7], tried: [1] });
});

test("WaitingReads tries at each wake until there is an answer", (t) => {
  const { stored, reads, tried, read } = storeOf();
  const seen: number[] = [];
  read.subscribe((value) => seen.push(value));
  reads.wake();
  stored.push(7);
  reads.wake();
  reads.wake();
  t.deepEqual({ seen, tried }, { seen: [7], tried: [0, 0, 1] });
});

test("WaitingReads forgets who unsubscribes", (t) => {
  const { stored, reads, tried, read } = storeOf();
  read.subscribe(() => t.fail()).unsubscribe();
  stored.push(7);
  reads.wake();
  t.deepEqual(tried, [0]);
});

test("WaitingReads tries no read again that the answer to another one has let go of", (t) => {
  const { stored, reads, tried, read } = storeOf();
  read.subscribe(() => other.unsubscribe());
  const other = read.subscribe(() => t.fail());
  stored.push(7);
  reads.wake();
  t.deepEqual(tried, [0, 0, 1]);
});
