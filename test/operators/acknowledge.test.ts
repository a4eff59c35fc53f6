import test from "ava";
import { map } from "rxjs";
import { acknowledge } from "../../operators/acknowledge.ts";
import { eventLog, fakeEvent, marbles, standardCases } from "./helpers.ts";

standardCases(test, "acknowledge()", { operator: acknowledge, value: () => fakeEvent(0, eventLog()) });

test("acknowledge() acknowledges each event, then lets it through", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const log = eventLog();
    const source = cold("-a-b-|", { a: fakeEvent(0, log), b: fakeEvent(1, log) });
    const subs = "       ^----!";
    const expected = "   -x-y-|";
    const acknowledged = source.pipe(
      acknowledge(),
      map(() => log.acknowledged.join(" ")),
    );
    expectObservable(acknowledged).toBe(expected, { x: "0:0", y: "0:0 0:1" });
    expectSubscriptions(source.subscriptions).toBe(subs);
  });
});

test("acknowledge() fails when the acknowledgement throws", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const event = fakeEvent(0, Object.freeze({ acknowledged: Object.freeze([]) as unknown as string[], held: 0 }));
    expectObservable(
      cold("-a-", { a: event }).pipe(
        acknowledge(),
        map(() => "x"),
      ),
    ).toBe("-#", undefined, new TypeError("Cannot add property 0, object is not extensible"));
  });
});
