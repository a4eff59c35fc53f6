import test from "ava";
import { EMPTY, map, of, throwError, type Observable } from "rxjs";
import { fetchData, type FetchDataOptions } from "../../operators/fetchData.ts";
import { EventData } from "../../src/model/data.ts";
import type { DataDescriptor } from "../../src/model/descriptor.ts";
import { isSluiceError } from "../../src/model/errors.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import { fetchViews } from "../../operators/internal/fetchSelected.ts";
import { boom, eventLog, fakeEvent, fakePartition, marbles, standardCases } from "./helpers.ts";

standardCases(test, "fetchData()", { operator: () => fetchData<number>(), value: () => fakeEvent(0, eventLog()) });

type Fetch = (
  descriptors: readonly DataDescriptor[],
  targets?: readonly EventData[],
) => Observable<readonly EventData[]>;

const zeros: Fetch = (descriptors) => of(descriptors.map(({ size }) => EventData.from(new Uint8Array(size))));

/** Events `a`, `b`, `c` of 4 bytes that were selected, and `n` of which nothing was. */
function events(fetch: Fetch): Record<string, StreamEvent<string>> {
  const made = Object.fromEntries(
    ["a", "b", "c", "n"].map((metadata, id) => [
      metadata,
      fakeEvent<string>(id, eventLog(), { metadata, size: 4, fetch }),
    ]),
  );
  for (const name of "abc") made[name]!.selection = made[name]!.descriptor;
  return made;
}

const sizes = (options?: FetchDataOptions<string>) => (source: Observable<StreamEvent<string>>) =>
  source.pipe(
    fetchData(options),
    map(({ metadata, data }) => `${metadata}${data.size}`),
  );

test("fetchData() brings the selected data in order, and those that come meanwhile share the next request", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions, flush }) => {
    const requests: number[] = [];
    const fetch: Fetch = (descriptors) => {
      requests.push(descriptors.length);
      return cold("---r|", { r: descriptors.map(({ size }) => EventData.from(new Uint8Array(size))) });
    };
    const source = cold("anbc|", events(fetch));
    const subs = "       ^---!";
    const expected = "   ----a---(nbc|)";
    expectObservable(source.pipe(sizes())).toBe(expected, { a: "a4", n: "n0", b: "b4", c: "c4" });
    expectSubscriptions(source.subscriptions).toBe(subs);
    flush();
    t.deepEqual(requests, [1, 2]);
  });
});

test("fetchData() asks for no more than 'maxBytes' at once", (t) => {
  marbles(t, ({ cold, flush }) => {
    const requests: number[] = [];
    const fetch: Fetch = (descriptors) => {
      requests.push(descriptors.length);
      return cold("-(r|)", { r: descriptors.map(() => EventData.empty) });
    };
    cold("(abc|)", events(fetch))
      .pipe(sizes({ maxBytes: 4 }))
      .subscribe();
    flush();
    t.deepEqual(requests, [1, 1, 1]);
  });
});

test("fetchData() puts the data where the allocator says, exactly as much as is needed", (t) => {
  const memory = new Uint8Array(9);
  const targets: number[] = [];
  const fetch: Fetch = (_, into) => {
    targets.push(...into!.map(({ size }) => size));
    return of(into!);
  };
  const { a } = events(fetch);
  of(a!)
    .pipe(fetchData({ allocator: () => [memory.subarray(0, 3), memory.subarray(3)] }))
    .subscribe(({ data }) => {
      t.deepEqual(
        data.segments.map(({ length }) => length),
        [3, 1],
      );
      t.is(data.segments[0]!.buffer, memory.buffer);
    });
  t.deepEqual(targets, [4]);
  t.plan(3);
});

test("fetchData() fails when the allocator throws or returns too little", (t) => {
  const { a } = events(zeros);
  of(a!)
    .pipe(fetchData({ allocator: boom }))
    .subscribe({ error: (error: Error) => t.is(error.message, "boom") });
  of(a!)
    .pipe(fetchData({ allocator: () => new Uint8Array(3) }))
    .subscribe({
      error: (error: unknown) => t.true(isSluiceError(error, "ERR_ALLOCATION")),
    });
  t.plan(2);
});

test("fetchData() fails with the error of the backend", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(
      cold(
        "-a-",
        events(() => cold("--#")),
      ).pipe(sizes()),
    ).toBe("---#");
    expectObservable(
      cold(
        "-a-",
        events(() => throwError(() => "x")),
      ).pipe(sizes()),
    ).toBe("-#", undefined, "x");
  });
});

test("fetchData() loses no event to a backend that answers with nothing", (t) => {
  const fetch: Fetch = (descriptors, targets) =>
    fetchViews(fakePartition({ fetch: () => EMPTY }), descriptors, targets);
  of(events(fetch)["a"]!)
    .pipe(fetchData())
    .subscribe({
      error: (error: unknown) => t.true(isSluiceError(error, "ERR_STORAGE")),
      complete: () => t.fail(),
    });
  t.plan(1);
});

test("fetchData() stops the request under way when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const request = cold<never>("-----|");
    const source = cold(
      "-a--",
      events(() => request),
    );
    expectObservable(source.pipe(sizes()), "---!").toBe("----");
    expectSubscriptions(request.subscriptions).toBe("-^-!");
    expectSubscriptions(source.subscriptions).toBe("^--!");
  });
});

test("fetchData() refuses options that are wrong", (t) => {
  t.throws(() => fetchData({ allocator: 1 as never }), { instanceOf: TypeError });
  t.throws(() => fetchData({ maxBytes: 0 }), { instanceOf: RangeError, message: /'maxBytes'/ });
});
