import test, { type ExecutionContext } from "ava";
import { defer, EMPTY, endWith, map, mergeMap, throwError, timer, type Observable } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { storeInOrder, type StoreInOrderOptions } from "../../../cli/forward/storeInOrder.ts";

/** A store of letters that takes its time, and that fails as often as it is told. */
class Store {
  stored = "";
  readonly pushes: string[] = [];
  readonly #failures: readonly string[];
  readonly #ms: number;

  constructor(failures: readonly string[] = [], ms = 2) {
    this.#failures = failures;
    this.#ms = ms;
  }

  push = (event: string): Observable<string> => {
    const failure = this.#failures[this.pushes.length];
    this.pushes.push(event);
    return timer(this.#ms).pipe(
      mergeMap(() => (failure ? throwError(() => failure) : [event])),
      map((each) => ((this.stored += each), each)),
    );
  };
}

function options(store: Store, more: Partial<StoreInOrderOptions<string>> = {}): StoreInOrderOptions<string> {
  return {
    push: store.push,
    isRejection: (error) => error === "refused",
    rejected: () => EMPTY,
    isRetriable: (error) => error === "away",
    retry: { initialDelay: 10, jitter: 0, count: 3 },
    maxEvents: 3,
    ...more,
  };
}

/** Emits each letter when it is stored. */
function run(
  t: ExecutionContext,
  marbles: string,
  expected: string,
  given: StoreInOrderOptions<string>,
  error?: unknown,
) {
  new TestScheduler((actual, wanted) => void t.deepEqual(actual, wanted)).run(({ cold, expectObservable }) => {
    const store = storeInOrder<string>(given);
    const done$ = cold(marbles).pipe(mergeMap((event) => defer(() => store(event)).pipe(endWith(event))));
    expectObservable(done$).toBe(expected, undefined, error);
  });
}

test("storeInOrder() stores what comes while it is busy as the next group", (t) => {
  const store = new Store();
  run(t, "   abc-------|", "--a-(bc)--|", options(store));
  t.is(store.stored, "abc");
});

test("storeInOrder() makes no group larger than it may be", (t) => {
  const store = new Store([], 6);
  run(t, "   a(bcdef|)", "------a-----(bcd)-(ef|)", options(store, { maxEvents: 3 }));
  t.is(store.stored, "abcdef");
});

test("storeInOrder() tries again what has failed, and nothing overtakes it", (t) => {
  const store = new Store(["away", "away"]);
  const retried: unknown[] = [];
  // Two tries of 2 ms each fail, with 10 and then 20 ms between them and the next.
  run(t, "   ab|", "36ms a-(b|)", options(store, { retrying: (error) => retried.push(error) }));
  t.deepEqual(store.pushes, ["a", "a", "a", "b"]);
  t.is(store.stored, "ab");
  t.deepEqual(retried, ["away", "away"]);
});

test("storeInOrder() tries only those of a group again that have failed", (t) => {
  const store = new Store(["", "", "away", ""]);
  run(t, "   a(bcd|)", "--a 13ms (bcd|)", options(store));
  t.deepEqual(store.pushes, ["a", "b", "c", "d", "c"]);
});

test("storeInOrder() gives up when it has tried often enough, and fails what waits behind", (t) => {
  const store = new Store(["away", "away", "away", "away"]);
  run(t, "   ab|", "78ms #", options(store), "away");
  t.is(store.stored, "");
});

test("storeInOrder() does not try again what will not pass", (t) => {
  run(t, "a|", "--#", options(new Store(["broken"])), "broken");
});

test("storeInOrder() waits for a refused event to be dealt with, and goes on", (t) => {
  const store = new Store(["refused"]);
  const letters: string[] = [];
  const rejected = (event: string) => timer(5).pipe(map(() => letters.push(event)));
  run(t, "   ab|", "7ms a-(b|)", options(store, { rejected }));
  t.deepEqual([store.stored, letters], ["b", ["a"]]);
});

test("storeInOrder() fails when a refused event cannot be dealt with", (t) => {
  const rejected = () => throwError(() => "full");
  run(t, "a|", "--#", options(new Store(["refused"]), { rejected }), "full");
});

test("storeInOrder() takes a push that throws for one that fails", (t) => {
  const error = new TypeError("broken");
  const push = () => {
    throw error;
  };
  run(t, "a|", "#", options(new Store(), { push }), error);
});
