import test, { type ExecutionContext } from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { consume, processExactlyOnce } from "../../operators/index.ts";
import { connect, isSluiceError, type Driver, type Topic } from "../../src/index.ts";
import { checkHistory, type Happening } from "../kafka/checkHistory.ts";
import { startCluster, type Cluster } from "./cluster/cluster.ts";
import { processors, type Processors } from "./faults/processors.ts";
import { startProxy, type Mischief, type Proxy } from "./faults/proxy.ts";
import {
  consumeWhile,
  dataOf,
  pause,
  produceWhile,
  readAll,
  seeded,
  storedIn,
  whenReady,
  type Value,
} from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";

/** How often each fault is made; `SLUICE_SOAK` multiplies it. */
const scale = Number(process.env["SLUICE_SOAK"] ?? 1);
const sessionTimeout = 4000;
const options = {
  ...impatient,
  sessionTimeout,
  heartbeatInterval: 200,
  rebalanceTimeout: 6000,
  retryTimeout: 60_000,
  requestTimeout: 1500,
  inlineBytes: 64,
  chunkBytes: 1000,
};
/** Milliseconds within which something has to go on, whatever is done to it. */
const patience = 60_000 * scale + 60_000;
const partitions = 3;
const final = "final";

let cluster: Cluster | undefined;
/** One in front of each node; nodes speak to each other without them. */
let proxies: readonly Proxy[] = [];

test.before("starts three nodes, each behind a proxy", async (t) => {
  t.timeout(180_000);
  const random = seeded(11);
  proxies = await Promise.all([0, 1, 2].map(() => startProxy(random)));
  let free = 0;
  const advertise = (port: number) => {
    const proxy = proxies.find(({ target }) => target === port) ?? proxies[free++]!;
    proxy.target = port;
    return proxy.port;
  };
  const properties = { "group.min.session.timeout.ms": "1000" };
  cluster = await startCluster({ nodes: 3, heap: 256, advertise, properties });
});

test.after.always("stops them", async () => {
  for (const proxy of proxies) proxy.close();
  await cluster?.stop();
});

function setMischief(mischief: Mischief): void {
  for (const proxy of proxies) proxy.mischief = mischief;
}

function incidents(): number {
  return proxies.reduce((sum, proxy) => sum + proxy.incidents, 0);
}

/** What is under way while faults are made. */
interface Work {
  readonly cluster: Cluster;
  readonly processors: Processors;
  /** Waits until processors have stored so many events more. */
  readonly progress: (count: number) => Promise<void>;
}

/**
 * Runs processors through faults while events come, then checks that every one of them was turned into its two outputs, once, in
 * order, and that what anybody was given or was told to be stored is what was there in the end.
 */
async function copyThrough(t: ExecutionContext, name: string, faults: (work: Work) => Promise<void>): Promise<void> {
  t.timeout(5 * patience);
  const driver = await connect(`kafka://${cluster!.directBrokers.join()}/`, { ...options, deliveryTimeout: 60_000 });
  t.teardown(() => driver.close());
  const source = await whenReady(() => driver.createTopic<Value>(`${name}.source`, { partitions }));
  const target = await whenReady(() => driver.createTopic<Value>(`${name}.target`, { partitions }));
  const [produced, history]: [Happening[], Happening[]] = [[], []];
  let over = false;
  const brokers = proxies.map(({ port }) => `127.0.0.1:${port}`).join();
  const copying = processors(brokers, source.name, target.name, options, history);
  t.teardown(() => copying.stop());
  const reading = consumeWhile(target, "reader", history, () => over);
  const producing = produceWhile(source, produced, () => over, 1);
  const waitUntil = async (what: string, isThere: () => boolean | Promise<boolean>) => {
    for (const until = Date.now() + patience; !(await isThere()); await pause(20)) {
      if (copying.failed > 0) throw new Error("A processor gave up");
      if (Date.now() > until) throw new Error(`${what} (${await stateOf(source, target, produced, copying)})`);
    }
  };
  const progress = (count: number) => {
    const until = copying.stored + count;
    return waitUntil(`${count} events more were not copied`, () => copying.stored >= until);
  };
  await faults({ cluster: cluster!, processors: copying, progress });
  over = true;
  await Promise.all([producing, reading]);
  await waitUntil("Not all events were copied", async () => (await source.lag("copy")).total === 0);
  await copying.stop();
  await readAll(driver, target.name, history, final);

  t.is(copying.failed, 0);
  t.is(storedIn(produced), produced.length);
  t.deepEqual(checkHistory(history, final), []);
  const read = history.flatMap((each) => (each.kind === "polled" && each.session === final ? [each] : []));
  for (let partition = 0; partition < partitions; partition++) {
    const values = read.filter((each) => each.partition === partition).map(({ value }) => value);
    const own = sourceOf(produced, partition).map((value) => 2 * value);
    const before = sourceOf(produced, (partition + partitions - 1) % partitions).map((value) => 2 * value + 1);
    t.deepEqual(
      values.filter((value) => value % 2 === 0),
      own,
    );
    t.deepEqual(
      values.filter((value) => value % 2 === 1),
      before,
    );
  }
  await checkData(t, driver, target.name);
  t.log(`${produced.length} events copied, ${history.length} happenings, ${incidents()} incidents`);
}

/** Where a workload stands that does not go on. */
async function stateOf(
  source: Topic<Value>,
  target: Topic<Value>,
  produced: readonly Happening[],
  copying: Processors,
) {
  const { partitions: lags } = await source.lag("copy");
  const ends = (await target.describe()).partitions.map(({ end }) => end);
  return JSON.stringify({ stored: storedIn(produced), copied: copying.stored, lags, ends, incidents: incidents() });
}

/** The values of a partition of the source, in order. */
function sourceOf(produced: readonly Happening[], partition: number): number[] {
  const own = produced.flatMap((each) => (each.kind === "stored" && each.partition === partition ? [each] : []));
  return own.toSorted((a, b) => a.id - b.id).map(({ value }) => value);
}

async function checkData(t: ExecutionContext, driver: Driver, name: string): Promise<void> {
  const topic = await driver.openTopic<Value>(name);
  const events$ = topic.consumer("look", { until: "end", dataSelector: (_, data) => data });
  const wrong = (await lastValueFrom(events$.pipe(toArray()))).filter(
    ({ metadata: { value }, data }) => Buffer.compare(data.toUint8Array(), dataOf(value)) !== 0,
  );
  t.deepEqual(
    wrong.map(({ metadata }) => metadata.value),
    [],
  );
}

// A node that is stopped is cut off and alive; a processor that is stopped for longer than a session wakes up as a zombie.
test.serial("exactly once through nodes and processors that are killed and stopped", (t) =>
  copyThrough(t, "nodes", async ({ cluster: nodes, processors: copying, progress }) => {
    const pool = [copying.start(), copying.start()];
    await progress(100);
    for (let round = 0; round < 3 * scale; round++) {
      const [node, other] = [round % 3, (round + 1) % 3];
      await nodes.signal(node, "SIGKILL");
      await progress(200);
      await Promise.all([nodes.restart(node), pool[round % 2]!.stall(1.3 * sessionTimeout)]);
      await progress(200);
      await nodes.signal(other, "SIGSTOP");
      await pause(4000);
      await pool[(round + 1) % 2]!.die();
      pool[(round + 1) % 2] = copying.start();
      await nodes.signal(other, "SIGCONT");
      await progress(200);
    }
  }),
);

for (const kind of ["reset", "drop answers"] as const) {
  test.serial(`exactly once through proxies that do "${kind}"`, (t) =>
    copyThrough(t, kind.replace(" ", "-"), async ({ processors: copying, progress }) => {
      copying.start();
      copying.start();
      await progress(100);
      setMischief({ kind, after: 20_000 });
      const until = incidents() + (kind === "reset" ? 60 : 8) * scale; // A lost answer is waited for.
      while (incidents() < until) await progress(20);
      setMischief({ kind: "none" });
      await progress(100);
    }),
  );
}

test.serial("a topic is sealed behind the transactions that are open, and takes no other one", async (t) => {
  t.timeout(180_000);
  const brokers = cluster!.directBrokers.join();
  const [one, other] = await Promise.all([
    connect(`kafka://${brokers}/`, options),
    connect(`kafka://${brokers}/`, options),
  ]);
  t.teardown(() => Promise.all([one.close(), other.close()]));
  const source = await one.createTopic<Value>("sealing.source");
  const target = await one.createTopic<Value>("sealing.target");
  for (let value = 0; value < 200; value++) void source.producer().push({ value });
  await pause(500);
  const ended = new Promise<unknown>((resolve) => {
    consume(source, "copy")
      .pipe(processExactlyOnce(target, ({ metadata }) => ({ metadata }), { batchSize: 1 }))
      .subscribe({ error: resolve });
  });
  await pause(300);
  const sealed = await other.openTopic<Value>("sealing.target");
  await sealed.seal();
  const error = await ended;
  t.true(isSluiceError(error, "ERR_TOPIC_SEALED"), String(error));
  const history: Happening[] = [];
  await readAll(other, "sealing.target", history, "final");
  const read = history.flatMap((each) => (each.kind === "polled" ? [each.value] : []));
  const { partitions } = await source.lag("copy");
  t.deepEqual(
    read,
    Array.from({ length: read.length }, (_, i) => i),
  );
  t.true((partitions[0]!.position ?? 0) >= read.length);
});
