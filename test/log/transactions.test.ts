import test from "ava";
import { firstValueFrom, from } from "rxjs";
import { logBackend, verifyLog, type LogOptions } from "../../backends/log/index.ts";
import { Producers, transactionPrefix } from "../../backends/log/producers.ts";
import { decodeTarget, encodeTransaction, type TargetHead } from "../../backends/log/transactions/transactionRecord.ts";
import type { Backend, BackendTopic, Lease, TransactionAppend } from "../../src/model/backend.ts";
import { metadataAt } from "../../src/model/batch.ts";
import { randomFrom, SimulatedStorage, systemError } from "./simulatedStorage.ts";
import { answerOf, append, batchOf, encryptionWith, joined, readAll, someBytes } from "./support.ts";

const components = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};

interface Open {
  readonly backend: Backend;
  readonly source: BackendTopic;
  readonly target: BackendTopic;
}

async function open(storage: SimulatedStorage, options: LogOptions = {}): Promise<Open> {
  const backend = await logBackend("/log", { ...options, storage });
  const names = await answerOf(backend.listTopics());
  const [source, target] = await Promise.all(
    ["source", "target"].map((name) =>
      answerOf(
        names.includes(name) ? backend.openTopic(name) : backend.createTopic(name, { partitions: 1, components }),
      ),
    ),
  );
  return { backend, source: source!, target: target! };
}

async function leaseOf(topic: BackendTopic): Promise<Lease> {
  const leases = await firstValueFrom(from(topic.join("app", { partitions: undefined })));
  return leases[0]!;
}

function into(topic: BackendTopic, ...texts: readonly string[]): TransactionAppend {
  return { topic, partition: 0, batch: batchOf(texts.map((text) => ({ text }))) };
}

async function textsIn(topic: BackendTopic): Promise<string[]> {
  return (await readAll(topic.partitions[0]!)).events.map(({ text }) => text);
}

async function positionIn(topic: BackendTopic): Promise<number | undefined> {
  return (await answerOf(topic.cursors("app")))[0];
}

/** The machine as it was before the first operation on a path that some transactions made. */
async function stoppedAt(path: RegExp, operations: RegExp, transactions: (log: Open) => Promise<unknown>) {
  const storage = new SimulatedStorage();
  const log = await open(storage);
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }, { text: "c" }]);
  let stopped: SimulatedStorage | undefined;
  storage.before = (operation, at) => {
    if (operations.test(operation) && path.test(at)) stopped ??= storage.afterKill();
  };
  await transactions(log);
  storage.before = () => {};
  await answerOf(log.backend.close());
  return stopped!;
}

test("a transaction that was committed and not applied is applied when the log is opened, with its keys and data", async (t) => {
  const keys = { keys: ["k", "l"], tombstones: Uint8Array.of(0, 1) };
  const data = someBytes(5000);
  const stopped = await stoppedAt(/target.*p0/, /makeDirectory/, async ({ source, target }) => {
    const batch = { ...batchOf([{ text: "x", data }, { text: "y" }]), keys };
    const lease = await leaseOf(source);
    await answerOf(lease.transact!(2, [{ topic: target, partition: 0, batch }]));
  });
  const { backend, source, target } = await open(stopped);
  const { events } = await readAll(target.partitions[0]!);
  t.deepEqual(
    events.map(({ text, data: bytes }) => [text, bytes.length]),
    [
      ["x", 5000],
      ["y", 0],
    ],
  );
  t.deepEqual(events[0]!.data, data);
  t.is(await positionIn(source), 2);
  await answerOf(backend.close());
});

test("what a transaction has stored is remembered, though thousands of producers have come since", (t) => {
  const producers = new Producers();
  producers.replay(`${transactionPrefix}a/0`, 0, 3, 0);
  for (let i = 0; i < 5000; i++) producers.replay(`other/${i}`, 0, 1, 3 + i);
  const again = new Producers();
  again.restore(producers.snapshot());

  t.is(again.next(`${transactionPrefix}a/0`), 3);
  t.is(again.next("other/0"), 0);
  t.is(again.next("other/4999"), 1);
});

test("a transaction of a topic that was deleted since loses nothing of the others", async (t) => {
  const stopped = await stoppedAt(/target.*p0/, /makeDirectory/, async ({ backend, source, target }) => {
    const other = await answerOf(backend.createTopic("other", { partitions: 1, components }));
    const lease = await leaseOf(source);
    await answerOf(lease.transact!(3, [into(target, "x"), into(other, "y")]));
  });
  const names = await stopped.list("/log/topics");
  await stopped.removeDirectory(`/log/topics/${names.find((name) => name.startsWith("target"))}`);
  const { backend, source } = await open(stopped);
  t.deepEqual(await textsIn(await answerOf(backend.openTopic("other"))), ["y"]);
  t.is(await positionIn(source), 3);
  await answerOf(backend.close());
});

test("who is given a partition while a transaction of it is under way begins behind that", async (t) => {
  const log = await open(new SimulatedStorage());
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }]);
  let lease: Lease | undefined;
  const member = from(log.source.join("app", { partitions: undefined })).subscribe((leases) => (lease = leases[0]));
  const committed = answerOf(lease!.transact!(2, [into(log.target, "x")]));
  member.unsubscribe();
  t.is((await leaseOf(log.source)).position, 2);
  t.is(await positionIn(log.source), undefined); // But nobody is told that it is there before it is.
  await committed;
  t.is(await positionIn(log.source), 2);
  await answerOf(log.backend.close());
});

test("a transaction does not wait for the one before it, which whoever had the partition has begun", async (t) => {
  const { backend, source, target } = await open(new SimulatedStorage());
  await append(source.partitions[0]!, [{ text: "a" }, { text: "b" }]);
  const first = answerOf((await leaseOf(source)).transact!(1, [into(target, "x")]));
  const second = answerOf((await leaseOf(source)).transact!(2, [into(target, "y")]));
  t.deepEqual(await Promise.all([first, second]), [[{ firstId: 0 }], [{ firstId: 1 }]]);
  t.deepEqual(await textsIn(target), ["x", "y"]);
  await answerOf(backend.close());
});

test("what is committed before its topic is sealed, deleted or closed comes to its end", async (t) => {
  const storage = new SimulatedStorage();
  const log = await open(storage);
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }, { text: "c" }]);
  const lease = await leaseOf(log.source);
  const first = answerOf(lease.transact!(1, [into(log.target, "x")]));
  await Promise.all([first, answerOf(log.target.seal())]);
  t.deepEqual(await textsIn(log.target), ["x"]);
  await t.throwsAsync(answerOf(lease.transact!(2, [into(log.target, "y")])), { message: /sealed/ });
  const other = await answerOf(log.backend.createTopic("other", { partitions: 1, components }));
  const second = answerOf(lease.transact!(2, [into(other, "z")]));
  await Promise.all([second, answerOf(log.backend.deleteTopic("other"))]);
  const last = await answerOf(log.backend.createTopic("last", { partitions: 1, components }));
  const third = answerOf(lease.transact!(3, [into(last, "w")]));
  await Promise.all([third, answerOf(log.backend.close())]);

  const again = await open(storage);
  t.deepEqual(await textsIn(await answerOf(again.backend.openTopic("last"))), ["w"]);
  t.is(await positionIn(again.source), 3);
  await answerOf(again.backend.close());
});

test("a journal that cannot be written refuses transactions, and nothing of them is there; the rest of the log goes on", async (t) => {
  const storage = new SimulatedStorage();
  const log = await open(storage);
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }]);
  const lease = await leaseOf(log.source);
  await answerOf(lease.transact!(1, [into(log.target, "x")]));
  storage.before = (operation, path) => {
    if (operation === "writev" && path.includes("/transactions/")) throw systemError("EIO", path);
  };
  for (let attempt = 0; attempt < 2; attempt++)
    await t.throwsAsync(answerOf(lease.transact!(2, [into(log.target, "y")])), { code: "ERR_DURABILITY" });
  storage.before = () => {};
  t.is((await leaseOf(log.source)).position, 1);
  t.is(await append(log.target.partitions[0]!, [{ text: "z" }]), 1);
  await answerOf(log.backend.close());

  const again = await open(storage);
  await answerOf((await leaseOf(again.source)).transact!(2, [into(again.target, "y")]));
  t.deepEqual(await textsIn(again.target), ["x", "z", "y"]);
  await answerOf(again.backend.close());
});

test("what is committed and cannot be stored where it belongs is stored when the log is opened again", async (t) => {
  const storage = new SimulatedStorage();
  const log = await open(storage);
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }]);
  const lease = await leaseOf(log.source);
  storage.before = (operation, path) => {
    if (operation === "writev" && path.includes("/target-")) throw systemError("ENOSPC", path);
  };
  await t.throwsAsync(answerOf(lease.transact!(1, [into(log.target, "x")])), { code: "ERR_DURABILITY" });
  await t.throwsAsync(answerOf(lease.transact!(2, [into(log.target, "y")])), { code: "ERR_DURABILITY" });
  t.is((await leaseOf(log.source)).position, 1); // It is committed: nobody begins in front of it.
  storage.before = () => {};
  await answerOf(log.backend.close());

  const again = await open(storage);
  t.deepEqual(await textsIn(again.target), ["x"]);
  t.is(await positionIn(again.source), 1);
  await answerOf(again.backend.close());
});

test("the journal is no topic of anybody's, is verified with the rest, and does not grow for ever", async (t) => {
  const storage = new SimulatedStorage();
  const options = { segmentBytes: 20_000, encryption: encryptionWith("key-0") };
  const log = await open(storage, options);
  const data = someBytes(9000);
  await append(
    log.source.partitions[0]!,
    Array.from({ length: 200 }, () => ({ text: "a" })),
  );
  const lease = await leaseOf(log.source);
  for (let i = 0; i < 200; i++) {
    const batch = batchOf([{ text: `event ${i}`, data }]);
    await answerOf(lease.transact!(i + 1, [{ topic: log.target, partition: 0, batch }]));
  }
  t.deepEqual((await answerOf(log.backend.listTopics())).toSorted(), ["source", "target"]);
  await answerOf(log.backend.close());
  const { outcome, topics } = await verifyLog("/log", { storage, encryption: options.encryption });
  const journal = topics.find(({ directory }) => directory === "transactions")!;
  t.is(outcome, "clean");
  t.is(journal.topic, "(transactions)");
  t.true(journal.partitions[0]!.fromId > 200, "files of what was applied are dropped");
  const reader = await logBackend("/log", { storage, mode: "read-only", encryption: options.encryption });
  t.deepEqual((await answerOf(reader.listTopics())).toSorted(), ["source", "target"]);
  await answerOf(reader.close());
});

test("encodeTransaction() and decodeTarget() keep every part of a batch", (t) => {
  const producer = { id: "p", sequence: 7 };
  const keys = { keys: ["a", "b", "c"], tombstones: Uint8Array.of(0, 1, 0) };
  const events = [{ text: "é" }, { text: "", data: someBytes(13) }, { text: "xyz", data: someBytes(1) }];
  const batches = [
    { ...batchOf(events, producer), producer, keys },
    { ...batchOf([{ text: "plain" }], producer), producer },
  ];
  const head = { topic: "in-1", partition: 2, consumer: "app", position: 9, appends: 2 };
  const targets = batches.map((batch, partition) => ({ topic: "out-2", partition, batch }));
  const record = encodeTransaction(head, targets, 5);
  const bytes = joined(record.data);
  const heads = [0, 1, 2].map((i) => JSON.parse(new TextDecoder().decode(metadataAt(record, i))) as TargetHead);

  t.deepEqual(heads[0] as unknown, head);
  for (const [i, { topic, partition, batch }] of targets.entries()) {
    const found = decodeTarget(heads[i + 1]!, bytes.slice(record.dataEnds![i], record.dataEnds![i + 1]));
    t.deepEqual([found.topic, found.partition], [topic, partition]);
    t.deepEqual({ ...found.batch, data: joined(found.batch.data) }, { ...batch, data: joined(batch.data) } as never);
  }
});

test("a position that is not that of an event stays where it was moved, whatever end the log comes to", async (t) => {
  const storage = new SimulatedStorage();
  const { backend, target } = await open(storage);
  await answerOf((await leaseOf(target)).transact!(1000, [into(target, "x")]));
  const killed = await open(storage.afterKill());
  t.is(await positionIn(killed.target), 1000);
  await answerOf(killed.backend.close());
  await answerOf(backend.close());
  const again = await open(storage);
  t.is(await positionIn(again.target), 1000);
  await answerOf(again.backend.close());
});

test("who was given the position of a transaction that failed then is fenced, and what it acknowledges is not said to be stored", async (t) => {
  const storage = new SimulatedStorage();
  const log = await open(storage);
  await append(log.source.partitions[0]!, [{ text: "a" }, { text: "b" }, { text: "c" }]);
  const lease = await leaseOf(log.source);
  await answerOf(lease.transact!(1, [into(log.target, "x")]));
  storage.before = (operation, path) => {
    if (operation === "writev" && path.includes("/transactions/")) throw systemError("EIO", path);
  };
  const failing = answerOf(lease.transact!(3, [into(log.target, "y")]));
  const acknowledged = answerOf(lease.acknowledge(2));
  const next = await leaseOf(log.source);
  await t.throwsAsync(failing, { code: "ERR_DURABILITY" });
  await t.throwsAsync(acknowledged, { code: "ERR_DURABILITY" });
  storage.before = () => {};
  t.is(next.position, 3);
  await t.throwsAsync(answerOf(next.acknowledge(3)), { code: "ERR_FENCED" });
  t.is((await leaseOf(log.source)).position, 1);
  await answerOf(log.backend.close());
});

test("a committed transaction waits for a topic whose description cannot be read", async (t) => {
  const storage = await stoppedAt(/target.*p0/, /makeDirectory/, async ({ source, target }) =>
    answerOf((await leaseOf(source)).transact!(2, [into(target, "x")])),
  );
  const path = storage.paths().find((each) => /target.*topic\.json$/.test(each))!;
  const whole = storage.bytesOf(path).slice();
  storage.replace(path, new Uint8Array(10));
  const backend = await logBackend("/log", { storage });
  const source = await answerOf(backend.openTopic("source"));
  const refused = (await leaseOf(source)).transact!(3, [into(source, "y")]);
  await t.throwsAsync(answerOf(refused), { code: "ERR_STORAGE" });
  await answerOf(backend.close());

  storage.replace(path, whole);
  const again = await open(storage);
  t.deepEqual(await textsIn(again.target), ["x"]);
  t.is(await positionIn(again.source), 2);
  await answerOf(again.backend.close());
});

test("at durability os, transactions go on after a loss of power that took some of what they had stored", async (t) => {
  for (let seed = 0; seed < 15; seed++) {
    const storage = new SimulatedStorage();
    const { source, target } = await open(storage, { durability: "os" });
    await append(
      source.partitions[0]!,
      someTexts(80).map((text) => ({ text })),
    );
    const lease = await leaseOf(source);
    for (let i = 1; i <= 70; i++) await answerOf(lease.transact!(i, [into(target, `x${i}`)]));
    const again = await open(storage.afterPowerLoss(randomFrom(seed)), { durability: "os" });
    await append(
      again.source.partitions[0]!,
      someTexts(80).map((text) => ({ text })),
    );
    const next = await leaseOf(again.source);
    await answerOf(next.transact!((next.position ?? 0) + 1, [into(again.target, "y")]));
    const texts = await textsIn(again.target);
    t.is(texts.at(-1), "y", `seed ${seed}`);
    t.is(new Set(texts).size, texts.length, `seed ${seed}: something is there twice`);
    await answerOf(again.backend.close());
  }
});

function someTexts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `e${i}`);
}
