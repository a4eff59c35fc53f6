import type { TestFn } from "ava";
import { catchError, map, of, Subject, throwError, type MonoTypeOperatorFunction, type OperatorFunction } from "rxjs";
import type { ErrorCode, SluiceError } from "../../src/model/errors.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import type { Rejection } from "../../src/model/rejection.ts";
import type { DraftStepOptions } from "../../operators/internal/mapDrafts.ts";
import { boom, draftOf, later, marbles, standardCases } from "./helpers.ts";

/** What a component does with an event: nothing that takes time, a wait, or a throw. */
export type Work = (metadata: string) => PromiseLike<void> | void;

/** One of the operators that complete a part of a draft, over work that a test gives. */
export type MakeStep = (work: Work, options?: DraftStepOptions) => MonoTypeOperatorFunction<EventDraft<string>>;

const accept: Work = () => undefined;

/** Work that takes as many milliseconds as the metadata says; none for a letter. */
const takeTime: Work = (metadata) =>
  Number.isNaN(Number(metadata)) ? undefined : later(Number(metadata), () => undefined);

/** Work that refuses metadata in capitals: `X` at once, `Y` after 2 ms. */
const refuseCapitals: Work = (metadata) => {
  if (metadata === "X") boom();
  return metadata === "Y" ? later<void>(2, boom) : takeTime(metadata);
};

/** Registers what holds for every operator that completes a part of a draft. */
export function draftStepCases(test: TestFn, name: string, make: MakeStep, thrown: ErrorCode | "boom"): void {
  const step =
    (work: Work, options?: DraftStepOptions): OperatorFunction<string, string> =>
    (source) =>
      source.pipe(
        map((metadata) => draftOf(metadata)),
        make(work, options),
        map(({ metadata }) => metadata),
      );
  const codeOf = (error: unknown) => (error as SluiceError).code ?? (error as Error).message;

  standardCases(test, name, { operator: () => make(accept), value: () => draftOf("v") });

  test(`${name} lets events through at once when its work takes no time`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-a-b-c-|");
      const subs = "       ^------!";
      const expected = "   -a-b-c-|";
      expectObservable(source.pipe(step(accept))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  test(`${name} keeps the order of events under "strict" while their work overlaps`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const source = cold("9-3-a-1-|");
      const expected = "   ---------(93a1|)";
      expectObservable(source.pipe(step(takeTime))).toBe(expected);
    });
  });

  test(`${name} lets events leave as they are ready under "loose"`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const source = cold("9-3-a-1-|");
      const expected = "   ----a3-1-(9|)";
      expectObservable(source.pipe(step(takeTime, { ordering: "loose" }))).toBe(expected);
    });
  });

  test(`${name} works on no more than 'concurrency' at once`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const source = cold("(5555|)");
      expectObservable(source.pipe(step(takeTime, { concurrency: 1 }))).toBe("-----5----5----5----(5|)");
      expectObservable(source.pipe(step(takeTime, { concurrency: 2 }))).toBe("-----(55)-(55|)");
      expectObservable(source.pipe(step(takeTime, { concurrency: 4 }))).toBe("-----(5555|)");
    });
  });

  test(`${name} fails work that takes longer than 'timeout' with ERR_TIMEOUT, and ignores its late answer`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const source = cold("-9-a-|");
      const rejected = new Subject<Rejection>();
      expectObservable(rejected.pipe(map(({ error }) => codeOf(error)))).toBe("-----E", { E: "ERR_TIMEOUT" });
      expectObservable(source.pipe(step(takeTime, { timeout: 4, rejected }))).toBe("-----(a|)");
    });
  });

  test(`${name} fails at a rejected event under "fail", after those before it`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-5-X-a--");
      const result = source.pipe(
        step(refuseCapitals),
        catchError((error: unknown) => throwError(() => codeOf(error))),
      );
      expectObservable(result).toBe("------(5#)", undefined, thrown);
      expectSubscriptions(source.subscriptions).toBe("^-----!");
    });
  });

  test(`${name} fails at an event that is rejected after its source has completed`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const result = cold("Y|").pipe(
        step(refuseCapitals),
        catchError((error: unknown) => throwError(() => codeOf(error))),
      );
      expectObservable(result).toBe("--#", undefined, thrown);
    });
  });

  test(`${name} leaves a rejected event out under "skip"`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      expectObservable(cold("-X-a-Y-b-|").pipe(step(refuseCapitals, { rejected: "skip" }))).toBe("---a---b-|");
    });
  });

  test(`${name} hands a rejected event with its reason to an observer, and goes on`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const rejected = new Subject<Rejection>();
      const source = cold("-X-a-Y-b-|");
      const reports = "    -x-----y---";
      expectObservable(rejected.pipe(map(({ metadata, error }) => `${String(metadata)} ${codeOf(error)}`))).toBe(
        reports,
        {
          x: `X ${thrown}`,
          y: `Y ${thrown}`,
        },
      );
      expectObservable(source.pipe(step(refuseCapitals, { rejected }))).toBe("---a---b-|");
    });
  });

  test(`${name} fails with what an observer of rejected events throws, and loses nothing that was accepted`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      const rejected = { next: boom };
      expectObservable(cold("-5-X-a--").pipe(step(refuseCapitals, { rejected }))).toBe(
        "------(5#)",
        undefined,
        new Error("boom"),
      );
      expectObservable(cold("-Y-a----").pipe(step(refuseCapitals, { rejected }))).toBe(
        "---(a#)",
        undefined,
        new Error("boom"),
      );
    });
  });

  test(`${name} waits for work that has begun when its source ends`, (t) => {
    marbles(t, ({ cold, expectObservable }) => {
      expectObservable(cold("-5-|").pipe(step(takeTime))).toBe("------(5|)");
      expectObservable(cold("-5-#").pipe(step(takeTime))).toBe("------(5#)");
    });
  });

  test(`${name} emits nothing more after it was unsubscribed from`, (t) => {
    marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-5-3--|");
      expectObservable(source.pipe(step(takeTime, { timeout: 4 })), "----!").toBe("-----");
      expectSubscriptions(source.subscriptions).toBe("^---!");
    });
  });

  test(`${name} keeps order when a subscriber pushes from next`, (t) => {
    marbles(t, ({ flush }) => {
      const source = new Subject<string>();
      const seen: string[] = [];
      source.pipe(step(takeTime, { concurrency: 2 })).subscribe((value) => {
        seen.push(value);
        if (value === "1") source.next("b");
        if (value === "2") source.next("c");
        if (value === "4") source.next("d");
      });
      for (const value of ["1", "2", "3", "4", "a"]) source.next(value);
      flush();
      t.deepEqual(seen, ["1", "2", "3", "4", "a", "b", "c", "d"]);
    });
  });

  test(`${name} takes real promises`, async (t) => {
    const seen: string[] = [];
    await of("a", "b")
      .pipe(step(async () => undefined))
      .forEach((value) => void seen.push(value));
    t.deepEqual(seen, ["a", "b"]);
  });

  for (const [options, error] of [
    [{ ordering: "sorted" as "strict" }, RangeError],
    [{ concurrency: 0 }, RangeError],
    [{ timeout: -1 }, RangeError],
    [{ rejected: "throw" as "fail" }, RangeError],
    [{ rejected: null as never }, TypeError],
  ] as const) {
    test(`${name} refuses ${JSON.stringify(options)}`, (t) => {
      t.throws(() => make(accept, options), { instanceOf: error, message: /current value is/ });
    });
  }
}
