import test from "ava";
import { catchError, EMPTY, from, map, mergeMap, of, timer } from "rxjs";
import { memoryBackend } from "../../backends/memory/index.ts";
import { acknowledge } from "../../operators/acknowledge.ts";
import { consume } from "../../operators/consume.ts";
import { processEvents } from "../../operators/processEvents.ts";
import { produce } from "../../operators/produce.ts";
import { retryWithBackoff } from "../../operators/retryWithBackoff.ts";
import { send } from "../../operators/send.ts";
import { EventDraft } from "../../src/model/draft.ts";
import { packBatch } from "../../src/model/packBatch.ts";
import type { ProducerSequence } from "../../src/model/batch.ts";
import { FaultPlan, makeEvent, runMarbles, testTopic, withFaults } from "../../src/testing/index.ts";

/** A topic on a memory backend with faults. */
function faultyTopic(partitions = 1) {
  const faults = new FaultPlan();
  return { faults, topic: testTopic<string>({ backend: withFaults(memoryBackend(), faults), partitions }) };
}

function batchOf(metadata: string, producer?: ProducerSequence) {
  const draft = new EventDraft(metadata);
  draft.payload = JSON.stringify(metadata);
  return packBatch([draft], producer);
}

test("a named producer that sends again after a lost answer has stored once", (t) => {
  runMarbles(t.deepEqual, ({ expectObservable, expectStored }) => {
    const { faults, topic } = faultyTopic();
    const [partition] = topic.backend.partitions;
    faults.append.delay(2);
    faults.append.loseAnswer(new Error("connection reset"), { times: 1 });
    const sent$ = of(batchOf("once", { id: "app1", sequence: 0 })).pipe(
      send(partition!),
      retryWithBackoff({ initialDelay: 10, jitter: 0 }),
      map(({ appended }) => appended.firstId),
    );

    // 2 ms until the error, 10 until the retry, 2 until its answer.
    expectObservable(sent$).toBe("14ms (a|)", { a: 0 });
    expectStored(topic).toBe("    a", { a: { partition: 0, id: 0, metadata: "once" } });
  });
});

test("a producer without a name that does so has stored twice", (t) => {
  runMarbles(t.deepEqual, ({ expectStored }) => {
    const { faults, topic } = faultyTopic();
    const [partition] = topic.backend.partitions;
    faults.append.loseAnswer(new Error("connection reset"), { times: 1 });
    of(batchOf("twice"))
      .pipe(send(partition!), retryWithBackoff({ initialDelay: 10, jitter: 0 }))
      .subscribe();

    expectStored(topic).toBe("a 9ms b", {
      a: { partition: 0, id: 0, metadata: "twice" },
      b: { partition: 0, id: 1, metadata: "twice" },
    });
  });
});

test("a consumer whose lease is fenced learns of it by ERR_FENCED", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectObservable, expectAcknowledged }) => {
    const { faults, topic } = faultyTopic();
    inputs("-a-b").pipe(produce(topic)).subscribe();
    timer(2).subscribe(() => faults.fence(0));
    const outcomes$ = consume(topic, "app2").pipe(
      mergeMap((event) => from(event.acknowledge()).pipe(map(() => "stored"))),
      catchError((error: { code: string }) => of(error.code)),
    );

    expectObservable(outcomes$).toBe("-a-(b|)", { a: "stored", b: "ERR_FENCED" });
    expectAcknowledged(topic, "app2").toBe("-a", { a: [0, 0] });
  });
});

test("a slow backend makes batches grow and bounds what is in flight", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectReceipts, flush }) => {
    const { faults, topic } = faultyTopic();
    faults.append.delay(4);

    // While the first event is in flight the others gather, and go together.
    expectReceipts(inputs("abcd|").pipe(produce(topic))).toBe("----a---(bcd|)", {
      a: [0, 0],
      b: [0, 1],
      c: [0, 2],
      d: [0, 3],
    });
    flush();
    t.deepEqual(
      faults.append.calls.map(({ batch }) => batch.count),
      [1, 3],
    );
  });
});

test("a slow backend that lets too much wait meets the overflow policy", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectReceipts }) => {
    const { faults, topic } = faultyTopic();
    faults.append.delay(10);
    const options = { maxBufferedBytes: 700, overflow: "drop" } as const;

    // An event counts about 256 bytes and its text, so that two find room and the third is left out.
    expectReceipts(inputs("abc 10ms d|").pipe(produce(topic, options))).toBe("10ms a 9ms b 9ms (d|)", {
      a: [0, 0],
      b: [0, 1],
      d: [0, 2],
    });
  });
});

test("a consumer that waits for acknowledgements reads no further than its bounds", (t) => {
  runMarbles(t.deepEqual, ({ inputs, cold, expectObservable, flush }) => {
    const { faults, topic } = faultyTopic();
    faults.read.delay(1);
    inputs("(abcd)")
      .pipe(produce(topic, { batchSize: 1, maxBatches: 2 }))
      .subscribe();
    const slow$ = consume(topic, "app2", { batchSize: 1, maxBatches: 1 }).pipe(
      processEvents(() => cold("---|")),
      map(({ metadata }) => metadata),
    );

    // A read takes 1 ms, the handler 3; the next read begins when the event has been handled.
    expectObservable(slow$).toBe("----a---b---c---d");
    flush();
    t.deepEqual(
      faults.read.calls.map(({ position }) => position),
      [0, 1, 2, 3, 4],
    );
  });
});

test("a rebalance lets the consumer finish what it has begun, and gives back the rest", (t) => {
  runMarbles(t.deepEqual, ({ inputs, cold, expectObservable, expectAcknowledged }) => {
    const { faults, topic } = faultyTopic();
    inputs("ab-------c").pipe(produce(topic)).subscribe();
    timer(2).subscribe(() => faults.revoke(0, { away: 3 }));
    const handled$ = consume(topic, "app2").pipe(
      processEvents(() => cold("----|")),
      map(({ metadata }) => metadata),
    );

    // When the partition is asked for, at 2, the first event is being handled: it is finished and acknowledged, and the
    // partition is given back at 4. The second event had not been begun with. It is handled from 7 on, when the partition is
    // granted again, and the third, stored at 9, after it.
    expectObservable(handled$).toBe("       ----a------b---c");
    expectAcknowledged(topic, "app2").toBe("----a------b---c", { a: [0, 0], b: [0, 1], c: [0, 2] });
  });
});

test("a rebalance does not wait longer than the drain time-out, and fences the late", (t) => {
  runMarbles(t.deepEqual, ({ inputs, expectObservable }) => {
    const { faults, topic } = faultyTopic();
    inputs("a").pipe(produce(topic)).subscribe();
    timer(2).subscribe(() => faults.revoke(0));
    const outcomes$ = consume(topic, "app2", { drainTimeout: 5 }).pipe(
      mergeMap((event) =>
        timer(10).pipe(
          mergeMap(() => from(event.acknowledge())),
          map(() => "stored"),
          catchError((error: { code: string }) => of(error.code)),
        ),
      ),
    );

    // The event is delivered at 0, and at 7 again, since the partition was given back without an acknowledgement.
    expectObservable(outcomes$).toBe("10ms a 6ms b", { a: "ERR_FENCED", b: "stored" });
  });
});

test("a handler can be tested without a topic", async (t) => {
  const event = makeEvent({ id: 3, metadata: { energy: 7 }, data: Uint8Array.of(1, 2, 3) });
  of(event)
    .pipe(
      processEvents(({ metadata, data }) =>
        metadata.energy * data.size === 21 ? EMPTY : Promise.reject(new Error("wrong")),
      ),
      acknowledge(),
    )
    .subscribe({ error: () => {} });

  t.deepEqual(event.log.acknowledged, [[0, 3]]);
});
