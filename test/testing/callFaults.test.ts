import test from "ava";
import { concat, from, ignoreElements, NEVER, type Observable } from "rxjs";
import { CallFaults } from "../../src/testing/callFaults.ts";
import { runMarbles } from "../../src/testing/runMarbles.ts";

const lost = new Error("lost");

interface Call {
  readonly n: number;
}

/** Four calls of the same work. */
function callsOf(faults: CallFaults<Call>, work: () => Observable<string>): Observable<string>[] {
  return [1, 2, 3, 4].map((n) => faults.run({ n }, work));
}

test("CallFaults without a fault changes nothing", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const work = cold("-a-b|");
    const faults = new CallFaults<Call>();

    expectObservable(faults.run({ n: 1 }, () => work)).toBe("-a-b|");
    expectSubscriptions(work.subscriptions).toBe("^---!");
  });
});

test("CallFaults notes calls when they are subscribed to", (t) => {
  const faults = new CallFaults<Call>();
  const call = faults.run({ n: 7 }, () => from([1]));
  t.deepEqual(faults.calls, []);
  call.subscribe();
  call.subscribe();

  t.deepEqual(faults.calls, [{ n: 7 }, { n: 7 }]);
});

test("delay() delays answers, errors and the end, and does the work at once", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const faults = new CallFaults<Call>();
    faults.delay(3);
    const [answer, failure, end] = [cold("-a|"), cold("-#", {}, lost), cold("-|")];

    expectObservable(faults.run({ n: 1 }, () => answer)).toBe("----a|");
    expectObservable(faults.run({ n: 2 }, () => failure)).toBe("----#", {}, lost);
    expectObservable(faults.run({ n: 3 }, () => end)).toBe("----|");
    expectSubscriptions(answer.subscriptions).toBe("^-!");
  });
});

test("fail() keeps the call from the backend", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const faults = new CallFaults<Call>();
    faults.fail(lost);
    const work = cold("-a|");

    expectObservable(faults.run({ n: 1 }, () => work)).toBe("#", {}, lost);
    expectSubscriptions(work.subscriptions).toBe([]);
  });
});

test("fail() has an error of its own", (t) => {
  const faults = new CallFaults<Call>();
  faults.fail();

  faults
    .run({ n: 1 }, () => [])
    .subscribe({ error: (error) => t.like(error, { name: "SluiceError", code: "ERR_STORAGE" }) });
  t.plan(1);
});

test("failOnce() fails one call", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable }) => {
    const faults = new CallFaults<Call>();
    faults.failOnce(lost, { skip: 1 });
    const calls = callsOf(faults, () => cold("(a|)"));

    for (const [index, call] of calls.entries()) {
      if (index === 1) expectObservable(call).toBe("#", {}, lost);
      else expectObservable(call).toBe("(a|)");
    }
  });
});

test("loseAnswer() lets the backend do its work", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const faults = new CallFaults<Call>();
    faults.loseAnswer(lost);
    const [answer, end] = [cold("--a-b"), cold("--|")];

    expectObservable(faults.run({ n: 1 }, () => answer)).toBe("--#", {}, lost);
    expectObservable(faults.run({ n: 2 }, () => end)).toBe("--#", {}, lost);
    expectSubscriptions(answer.subscriptions).toBe("^-!");
  });
});

test("hang() never reaches the backend and never answers", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const faults = new CallFaults<Call>();
    faults.hang();
    const work = cold("-a|");

    expectObservable(faults.run({ n: 1 }, () => work)).toBe("-");
    expectSubscriptions(work.subscriptions).toBe([]);
  });
});

test("inject() takes a fault of the user's own", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, expectSubscriptions }) => {
    const faults = new CallFaults<Call>();
    faults.inject((call) => concat(call.pipe(ignoreElements()), NEVER));
    const work = cold("-a|");

    expectObservable(faults.run({ n: 1 }, () => work)).toBe("-");
    expectSubscriptions(work.subscriptions).toBe("^-!");
  });
});

test("a scope skips calls, counts them and asks about them", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable }) => {
    const faults = new CallFaults<Call>();
    faults.fail(lost, { when: ({ n }) => n !== 2, skip: 1, times: 1 });
    const outcomes = callsOf(faults, () => cold("(a|)"));

    for (const [index, call] of outcomes.entries()) {
      if (index === 2) expectObservable(call).toBe("#", {}, lost);
      else expectObservable(call).toBe("(a|)");
    }
  });
});

test("faults of one call take effect together, the delay last", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable }) => {
    const faults = new CallFaults<Call>();
    faults.delay(2);
    faults.failOnce(lost);
    const call = faults.run({ n: 1 }, () => cold("a|"));

    expectObservable(call).toBe("--#", {}, lost);
    expectObservable(call, "---^").toBe("-----a|");
  });
});

test("a fault can be taken back, alone or with all", (t) => {
  runMarbles(t.deepEqual, ({ cold, expectObservable, flush }) => {
    const faults = new CallFaults<Call>();
    const call = faults.run({ n: 1 }, () => cold("(a|)"));
    const [fast, whole] = [faults.delay(2), faults.fail(lost)];
    whole();
    expectObservable(call).toBe("--(a|)");
    flush();
    // It is 2 ms past the start now, and nothing is delayed any more.
    fast();
    expectObservable(call).toBe("--(a|)");
    flush();
    faults.delay(2);
    faults.hang();
    faults.heal();
    expectObservable(call).toBe("--(a|)");
  });
});

test("CallFaults refuses wrong arguments", (t) => {
  const faults = new CallFaults<Call>();

  t.throws(() => faults.delay(-1), { instanceOf: RangeError, message: /'ms'/ });
  t.throws(() => faults.delay("1" as never), { instanceOf: TypeError, message: /'ms'/ });
  t.throws(() => faults.fail(lost, { times: 0 }), { instanceOf: RangeError, message: /'times'/ });
  t.throws(() => faults.fail(lost, { skip: -1 }), { instanceOf: RangeError, message: /'skip'/ });
  t.throws(() => faults.hang({ when: true as never }), { instanceOf: TypeError, message: /'when'/ });
  t.throws(() => faults.inject(undefined as never), { instanceOf: TypeError, message: /'fault'/ });
});
