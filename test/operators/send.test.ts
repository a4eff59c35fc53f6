import test from "ava";
import { EMPTY, map, Observable, of, Subject } from "rxjs";
import { send } from "../../operators/send.ts";
import type { Appended, EventBatch } from "../../src/model/batch.ts";
import { SluiceError } from "../../src/model/errors.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import { boom, draftOf, marbles, standardCases } from "./helpers.ts";

const batchOf = (payload: string): EventBatch => packBatch([draftOf(payload, { payload })]);
const textOf = ({ metadata }: EventBatch) => new TextDecoder().decode(metadata);
const codeOf = (error: unknown) => (error as SluiceError).code;

standardCases(test, "send()", {
  operator: () => send({ append: () => of({ firstId: 0 }) }),
  value: () => batchOf("v"),
});

test("send() stores one batch after the other and emits each with the answer", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold("-ab---c-|", { a: batchOf("a"), b: batchOf("b"), c: batchOf("c") });
    const append = cold("--r|", { r: { firstId: 7 } });
    const expected = "   ---x-y--(z|)";
    const sent = source.pipe(
      send({ append: () => append }),
      map(({ batch, appended }) => `${textOf(batch)}${appended.firstId}`),
    );
    expectObservable(sent).toBe(expected, { x: "a7", y: "b7", z: "c7" });
    expectSubscriptions(append.subscriptions).toBe(["-^-!", "---^-!", "------^-!"]);
    expectSubscriptions(source.subscriptions).toBe("^-------!");
  });
});

test("send() takes the first answer only", (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const append = () => cold("-r-r-r|", { r: { firstId: 0 } });
    expectObservable(
      cold("a|", { a: batchOf("a") }).pipe(
        send({ append }),
        map(({ batch }) => textOf(batch)),
      ),
    ).toBe("-(a|)");
  });
});

test("send() takes promises", async (t) => {
  const ids: number[] = [];
  await of(batchOf("a"))
    .pipe(send({ append: async () => ({ firstId: 3 }) }))
    .forEach(({ appended }) => void ids.push(appended.firstId));
  t.deepEqual(ids, [3]);
});

for (const [name, append] of [
  ["throws", boom],
  ["fails", () => new Observable<Appended>((subscriber) => subscriber.error(new Error("boom")))],
  ["answers nothing", () => EMPTY],
] as const) {
  test(`send() fails with ERR_STORAGE when the backend ${name}`, (t) => {
    of(batchOf("a"), batchOf("b"))
      .pipe(send({ append }))
      .subscribe({ error: (error: unknown) => t.is(codeOf(error), "ERR_STORAGE") });
    t.plan(1);
  });
}

test("send() hands on a SluiceError of the backend as it is", (t) => {
  const sealed = new SluiceError("ERR_TOPIC_SEALED", "sealed");
  const append = () => {
    throw sealed;
  };
  of(batchOf("a"))
    .pipe(send({ append }))
    .subscribe({ error: (error: unknown) => t.is(error, sealed) });
  t.plan(1);
});

test("send() stops waiting for an answer when it is unsubscribed from", (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const append = cold<Appended>("-----r|");
    expectObservable(cold("-a-", { a: batchOf("a") }).pipe(send({ append: () => append })), "---!").toBe("----");
    expectSubscriptions(append.subscriptions).toBe("-^-!");
  });
});

test("send() stores what a subscriber pushes from next behind what was pushed before", (t) => {
  const source = new Subject<EventBatch>();
  const seen: string[] = [];
  source.pipe(send({ append: () => of({ firstId: 0 }) })).subscribe(({ batch }) => {
    seen.push(textOf(batch));
    if (seen.length === 1) source.next(batchOf("b"));
  });
  source.next(batchOf("a"));
  source.next(batchOf("c"));
  t.deepEqual(seen, ["a", "b", "c"]);
});
