import test from "ava";
import { Subject } from "rxjs";
import { Acknowledger } from "../../../operators/internal/acknowledger.ts";
import type { Lease } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";

/** A lease whose transactions are answered by hand. */
function leaseOf() {
  const transactions: { readonly position: number; readonly answer: Subject<readonly Appended[]> }[] = [];
  const lease = {
    partition: 0,
    epoch: 1,
    position: undefined,
    transact: (position: number) => {
      const answer = new Subject<readonly Appended[]>();
      transactions.push({ position, answer });
      return answer;
    },
  } as unknown as Lease;
  const acknowledger = new Acknowledger(lease, () => {});
  acknowledger.delivered = 9;
  return { acknowledger, transactions };
}

test("a transaction that waits behind one that fails is not begun, and fails with its error", async (t) => {
  const { acknowledger, transactions } = leaseOf();
  const both = [acknowledger.transact(2, []), acknowledger.transact(5, [])];
  const error = new Error("gone");
  transactions[0]!.answer.error(error);

  for (const each of both) t.is(await t.throwsAsync(Promise.resolve(each)), error);
  t.is(transactions.length, 1);
  t.is(acknowledger.position, 0);
});

test("a transaction goes on after one that succeeds, and also later after one that failed", async (t) => {
  const { acknowledger, transactions } = leaseOf();
  const failing = acknowledger.transact(2, []);
  transactions[0]!.answer.error(new Error("gone"));
  await t.throwsAsync(Promise.resolve(failing));

  const [first, second] = [acknowledger.transact(2, []), acknowledger.transact(5, [])];
  for (const at of [1, 2]) {
    transactions[at]!.answer.next([]);
    transactions[at]!.answer.complete();
  }
  await Promise.all([first, second]);
  t.deepEqual(
    transactions.map(({ position }) => position),
    [3, 3, 6],
  );
});
