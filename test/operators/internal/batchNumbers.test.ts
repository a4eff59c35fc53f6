import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mergeMap, of, Subject, throwError, timer } from "rxjs";
import test, { type ExecutionContext } from "ava";
import { BatchNumbers } from "../../../operators/internal/batchNumbers.ts";
import { logBackend } from "../../../backends/log/index.ts";
import { memoryBackend } from "../../../backends/memory/index.ts";
import { serve } from "../../../backends/service/server/index.ts";
import { isSluiceError, openBackend, SluiceError, type Backend, type EventBatch } from "../../../src/index.ts";
import { FaultPlan, withFaults } from "../../../src/testing/index.ts";
import { driverOf, storedIn, upTo, type Numbered } from "../../robust/support.ts";

const backends: Readonly<Record<string, (directory: string, t: ExecutionContext) => Promise<Backend>>> = {
  memory: () => Promise.resolve(memoryBackend()),
  log: (directory) => logBackend(`${directory}/log`),
  service: async (directory, t) => {
    const path = `${directory}/socket`;
    const service = await serve({ backend: memoryBackend(), listeners: [{ unix: { path } }] });
    t.teardown(() => service.close({ deadline: 0 }));
    return openBackend(`unix:${path}`);
  },
};

/** Fails a call late, when others that came after it have been answered. It never reaches the backend. */
const failingLate = (error: Error) => () => timer(20).pipe(mergeMap(() => throwError(() => error)));

/** Pushes numbers in batches of ten, several of them in flight, and answers with the numbers that failed, by the code. */
async function pushAll(backend: Backend, count: number, faults: FaultPlan, t: ExecutionContext) {
  const driver = await driverOf(withFaults(backend, faults));
  t.teardown(() => driver.close().catch(() => undefined));
  const topic = await driver.createTopic<Numbered>("t");
  const producer = topic.producer({ name: "named", maxBatches: 6, batchSize: 10 });
  const failed: Record<string, number[]> = {};
  const pushed = upTo(count).map((n) =>
    producer.push({ n }).then(undefined, (error: unknown) => {
      const code = isSluiceError(error) ? error.code : String(error);
      (failed[code] ??= []).push(n);
      return -1;
    }),
  );
  await producer.flush().catch(() => undefined);
  return { ids: await Promise.all(pushed), failed, stored: (await storedIn(topic))[0]! };
}

for (const [where, open] of Object.entries(backends)) {
  test(`a named producer with several batches in flight fails those alone that were not stored, in order (${where})`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-numbers-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const faults = new FaultPlan();
    for (const skip of [0, 3, 17, 18, 40])
      faults.append.inject(failingLate(new SluiceError("ERR_TOO_LARGE", "too large")), { times: 1, skip });
    const { ids, failed, stored } = await pushAll(await open(directory, t), 1000, faults, t);
    t.deepEqual(Object.keys(failed), ["ERR_TOO_LARGE"]);
    t.is(stored.length, 1000 - failed["ERR_TOO_LARGE"]!.length);
    t.deepEqual(
      stored,
      upTo(1000).filter((n) => !failed["ERR_TOO_LARGE"]!.includes(n)),
    );
    t.deepEqual(
      ids.filter((id) => id >= 0),
      upTo(stored.length),
    );
  });

  test(`an answer that was lost while others are in flight stores nothing twice (${where})`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-numbers-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const faults = new FaultPlan();
    faults.append.delay(5, { when: ({ batch }) => batch.producer!.sequence % 3 === 0 });
    for (const skip of [2, 9, 30]) faults.append.loseAnswer(new Error("connection reset"), { times: 1, skip });
    const { failed, stored } = await pushAll(await open(directory, t), 1000, faults, t);
    t.deepEqual(Object.keys(failed), ["ERR_STORAGE"]);
    t.deepEqual(stored, upTo(1000));
  });
}

test("a backend that has lost what it had stored is not gone on with in silence", async (t) => {
  const driver = await driverOf(memoryBackend());
  t.teardown(() => driver.close().catch(() => undefined));
  const topic = await driver.createTopic<Numbered>("t");
  const faults = new FaultPlan();
  const over = await driverOf(withFaults(memoryBackend(), faults));
  t.teardown(() => over.close().catch(() => undefined));
  const other = await over.createTopic<Numbered>("t");
  const producer = other.producer({ name: "named", maxBatches: 6, batchSize: 1 });
  await producer.push({ n: 0 });
  // From here on another backend has the topic, which knows nothing of the first event.
  const { append } = topic.backend.partitions[0]!;
  faults.append.inject(() => append.call(topic.backend.partitions[0], faults.append.calls.at(-1)!.batch) as never);
  const codes = await Promise.all(
    upTo(3, 1).map((n) =>
      producer.push({ n }).then(
        () => "stored",
        (error: unknown) => isSluiceError(error) && error.code,
      ),
    ),
  );
  t.deepEqual(codes, ["ERR_OUT_OF_SEQUENCE", "stored", "stored"]);
});

for (const maxBatches of [2, 3, 6]) {
  test(`batches that fail at once let none overtake another, with 'maxBatches' ${maxBatches}`, async (t) => {
    for (const failing of [[1], [1, 2], [1, 2, 6, 7], [0, 2, 3, 5], [2, 4, 5, 6, 11]]) {
      const faults = new FaultPlan();
      const isFailing = ({ batch }: { readonly batch: EventBatch }) => failing.includes(numberIn(batch));
      faults.append.delay(1, { when: (call) => !isFailing(call) });
      faults.append.inject(() => throwError(() => new SluiceError("ERR_TOO_LARGE", "too large")), { when: isFailing });
      const driver = await driverOf(withFaults(memoryBackend(), faults));
      const topic = await driver.createTopic<Numbered>("t");
      const producer = topic.producer({ name: "named", batchSize: 1, maxBatches });
      for (const n of upTo(20)) producer.push({ n });
      await producer.flush().catch(() => undefined);
      t.deepEqual(
        (await storedIn(topic))[0],
        upTo(20).filter((n) => !failing.includes(n)),
        `${failing.join(", ")} fail`,
      );
      await driver.close();
    }
  });
}

test("a batch that comes while others go again under new numbers waits behind them", (t) => {
  const numbers = new BatchNumbers("named");
  const first = new Subject<number>();
  const stored: number[] = [];
  let isMissing = true;
  const send = (n: number) =>
    numbers.carry(1, () => {
      if (isMissing) return throwError(() => new SluiceError("ERR_OUT_OF_SEQUENCE", "a gap"));
      stored.push(n);
      return of(n);
    });
  numbers.carry(1, () => first).subscribe({ error: () => undefined });
  send(1).subscribe({ complete: () => send(3).subscribe() });
  send(2).subscribe();
  isMissing = false; // The first one fails, and the others are answered at once when they go again.
  first.error(new Error("connection reset"));
  t.deepEqual(stored, [1, 2, 3]);
});

function numberIn({ metadata }: EventBatch): number {
  return (JSON.parse(new TextDecoder().decode(metadata)) as Numbered).n;
}
