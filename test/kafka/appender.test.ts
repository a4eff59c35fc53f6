import { mock } from "node:test";
import test from "ava";
import { Appender, type AppenderHost, type TailBatch } from "../../backends/kafka/appender.ts";
import { PlaceTaken } from "../../backends/kafka/recordSink.ts";
import { sluiceLayout } from "../../backends/kafka/layouts/sluice.ts";
import { Claims } from "../../backends/kafka/store/claims.ts";
import { BatchEncoder } from "../../backends/kafka/records/encodeBatch.ts";
import { EventData, EventDraft, packBatch, SluiceError, type EventBatch } from "../../src/index.ts";

/** A partition in memory: batches of records that a sink has stored, and what it does with the next ones. */
function partition(given: Partial<AppenderHost> = {}) {
  const stored: { readonly count: number; readonly offset: number }[] = [];
  /** What becomes of the batches that are sent, one after the other; those that are not named are stored. */
  const fates: ("stored" | "fails" | "taken")[] = [];
  const marked: TailBatch[] = [];
  const looks: (() => void)[] = [];
  const renewed = { count: 0 };
  let end = 0;
  let last: Promise<unknown> = Promise.resolve();
  const host: AppenderHost = {
    partition: 0,
    layout: sluiceLayout,
    sink: {
      newBatch: (size) => new BatchEncoder(size),
      renew: () => renewed.count++,
      send: (encoder, { needs, whenTaken } = {}) => {
        const before = last;
        const sent = (async () => {
          await Promise.allSettled([before]);
          await needs;
          const fate = fates.shift();
          if (fate === "fails") throw new SluiceError("ERR_UNREACHABLE", "no broker");
          if (fate === "taken" && whenTaken === "tell") throw new PlaceTaken();
          const offset = end;
          stored.push({ count: encoder.count, offset });
          end += encoder.count;
          return offset;
        })();
        last = sent;
        return sent;
      },
    },
    chunks: undefined as never,
    claims: undefined as never,
    inlineBytes: 1 << 20,
    storeBytes: Infinity,
    maxBatchBytes: 1000,
    storeWithin: 1_800_000,
    deliveryTimeout: 1000,
    readMarked: async (_from, tell) => {
      looks.shift()?.();
      for (const batch of marked) tell(batch);
      return { extent: "all", end };
    },
    end: async () => end,
    mark: async () => undefined,
    putMark: async () => undefined,
    isSealed: async () => false,
    ...given,
  };
  return { appender: new Appender(host), stored, fates, marked, looks, renewed };
}

/** Events of about so many bytes each, with data. */
function batchOf(count: number, bytes: number, sequence = 0, data = new Uint8Array(0)): EventBatch {
  const drafts = Array.from({ length: count }, (_, i) =>
    Object.assign(new EventDraft(i, EventData.from(data)), { payload: "x".repeat(bytes), timestamp: 1 }),
  );
  return packBatch(drafts, { id: "app/1", sequence });
}

test("a batch that is larger than the topic takes goes in several, one behind the other", async (t) => {
  const { appender, stored } = partition();
  const { firstId } = await appender.append(batchOf(10, 300));

  t.is(firstId, 0);
  t.true(stored.length > 1);
  t.deepEqual(
    stored.map(({ offset }) => offset),
    stored.map((_, i) => stored.slice(0, i).reduce((sum, { count }) => sum + count, 0)),
  );
});

test("when a part of a batch fails, those behind it are not stored: sent again, nothing of it is missing", async (t) => {
  const { appender, stored, fates } = partition();
  fates.push("fails");
  await t.throwsAsync(appender.append(batchOf(10, 300)), { code: "ERR_UNREACHABLE" });
  t.deepEqual(stored, []);
  await appender.append(batchOf(10, 300));

  t.is(
    stored.reduce((sum, { count }) => sum + count, 0),
    10,
  );
});

test("a batch in doubt that has taken its place is looked for until it is seen, and is not stored again", async (t) => {
  const { appender, stored, fates, marked, looks, renewed } = partition();
  fates.push("fails", "taken", "taken");
  await t.throwsAsync(appender.append(batchOf(2, 10)), { code: "ERR_UNREACHABLE" });
  const appears = () => void marked.push({ id: "app/1", sequence: 0, count: 2, firstId: 7 });
  looks.push(
    () => undefined, // Not replicated yet.
    () => undefined,
    appears,
  );
  const { firstId, ids } = await appender.append(batchOf(2, 10));

  t.is(firstId, 7);
  t.deepEqual([...(ids ?? [7, 8])], [7, 8]);
  t.deepEqual(stored, []);
  t.is(renewed.count, 1);
});

test("a batch in doubt whose place is free after all is stored", async (t) => {
  const { appender, stored, fates, renewed } = partition();
  fates.push("fails", "taken");
  await t.throwsAsync(appender.append(batchOf(2, 10)), { code: "ERR_UNREACHABLE" });
  await appender.append(batchOf(2, 10));

  t.deepEqual(stored, [{ count: 2, offset: 0 }]);
  t.is(renewed.count, 0);
});

test("whoever has nothing in doubt is stored behind what has taken the place", async (t) => {
  const { appender, stored, fates } = partition();
  fates.push("fails", "taken");
  await t.throwsAsync(appender.append(batchOf(2, 10)), { code: "ERR_UNREACHABLE" });
  await appender.append({ ...batchOf(3, 10), producer: undefined });

  t.deepEqual(stored, [{ count: 3, offset: 0 }]);
});

test("when nobody can say what became of a batch, it fails and says so", async (t) => {
  const { appender, fates } = partition({ deliveryTimeout: 1 });
  fates.push("fails", ...Array.from({ length: 9 }, () => "taken" as const));
  await t.throwsAsync(appender.append(batchOf(2, 10)), { code: "ERR_UNREACHABLE" });
  const error = await t.throwsAsync(appender.append(batchOf(2, 10)), { code: "ERR_STORAGE" });

  t.is((error as SluiceError).details["outcome"], "unknown");
});

test.serial("a record is not stored behind chunks that took so long that retention may have taken them", async (t) => {
  mock.timers.enable({ apis: ["Date"] });
  t.teardown(() => mock.timers.reset());
  let took = 31 * 60_000;
  const store = async () => {
    mock.timers.tick(took);
    return "3/3:0+1";
  };
  const { appender, stored } = partition({ inlineBytes: 1, chunks: { store } as unknown as AppenderHost["chunks"] });
  const batch = batchOf(1, 10, 0, Uint8Array.of(1, 2, 3));
  await t.throwsAsync(appender.append(batch), { code: "ERR_STORAGE" });
  t.deepEqual(stored, []);
  took = 29 * 60_000;
  await appender.append(batch);

  t.is(stored.length, 1);
});

test.serial(
  "an upload that hangs fails its batch when the time for deliveries is over, and the next one is stored",
  async (t) => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    t.teardown(() => mock.timers.reset());
    let begin!: (signal: AbortSignal | undefined) => void;
    const begun = new Promise<AbortSignal | undefined>((resolve) => (begin = resolve));
    const put = (_key: string, _bytes: readonly Uint8Array[], signal?: AbortSignal) => {
      begin(signal);
      return new Promise<void>(() => undefined);
    };
    const claims = new Claims("topic", { put, read: async () => undefined }, 60_000);
    const { appender, stored } = partition({ inlineBytes: 1, storeBytes: 2, claims });
    const appending = appender.append(batchOf(1, 10, 0, Uint8Array.of(1, 2, 3)));
    const signal = await begun;
    mock.timers.tick(60_000);
    await t.throwsAsync(appending, { code: "ERR_UNREACHABLE" });
    t.true(signal!.aborted);
    await appender.append(batchOf(1, 10));

    t.is(stored.length, 1);
  },
);
