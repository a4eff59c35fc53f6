import test from "ava";
import { connect, type Topic } from "../../src/index.ts";
import { checkHistory, type Happening } from "../kafka/checkHistory.ts";
import { startCluster, type Cluster } from "./cluster/cluster.ts";
import { moveLeaders } from "./faults/moveLeaders.ts";
import { startProxy } from "./faults/proxy.ts";
import {
  consumeWhile,
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
const options = {
  ...impatient,
  sessionTimeout: 6000,
  rebalanceTimeout: 6000,
  deliveryTimeout: 60_000,
  retryTimeout: 60_000,
  requestTimeout: 4000,
};
const final = "final";

/** The offsets that were acknowledged are not ahead of what was handled. */
async function behind(topic: Topic<Value>, consumer: string, history: readonly Happening[]): Promise<string[]> {
  const handled = new Map<number, number>();
  for (const each of history) {
    if (each.kind === "polled" && each.session !== final)
      handled.set(each.partition, Math.max(handled.get(each.partition) ?? -1, each.id));
  }
  const { partitions } = await topic.lag(consumer);
  return partitions
    .filter(({ partition, position }) => (position ?? 0) > (handled.get(partition) ?? -1) + 1)
    .map(({ partition, position }) => `${partition}: ${position}`);
}

let three: Cluster | undefined;

test.before("starts three nodes", async (t) => {
  t.timeout(180_000);
  three = await startCluster({ nodes: 3, heap: 256 });
});

test.after.always("stops them", () => three?.stop());

test.serial("leaders that move, and nothing else: nothing is lost, out of order or stored twice", async (t) => {
  t.timeout(300_000);
  const cluster = three!;
  const driver = await connect(`kafka://${cluster.brokers.join()}/`, { ...options, replicas: 2 });
  t.teardown(() => driver.close());
  const topic = await whenReady(() => driver.createTopic<Value>("moving", { partitions: 4 }));
  const history: Happening[] = [];
  let over = false;
  const work = [produceWhile(topic, history, () => over), consumeWhile(topic, "app", history, () => over)];
  for (let round = 0; round < 4 * scale; round++) {
    const before = storedIn(history);
    await moveLeaders(cluster.brokers, "moving");
    while (storedIn(history) < before + 300) await pause(20);
  }
  over = true;
  await Promise.all(work);
  await readAll(driver, "moving", history, final);

  t.deepEqual(checkHistory(history, final), []);
  t.deepEqual(await behind(topic, "app", history), []);
  t.log(`${storedIn(history)} events stored`);
});

// A node that is stopped is cut off and alive: its connections stand, nothing answers, and it comes back with what it believed.
test.serial("three nodes, killed and stopped in turn: nothing is lost, out of order or stored twice", async (t) => {
  t.timeout(600_000);
  const cluster = three!;
  const driver = await connect(`kafka://${cluster.brokers.join()}/`, options);
  t.teardown(() => driver.close());
  const topic = await whenReady(() => driver.createTopic<Value>("faults", { partitions: 6 }));
  const history: Happening[] = [];
  let over = false;
  const producing = produceWhile(topic, history, () => over);
  const consuming = [consumeWhile(topic, "app", history, () => over), consumeWhile(topic, "app", history, () => over)];
  for (let round = 0; round < 2 * scale; round++) {
    const node = round % 3;
    const before = storedIn(history);
    await cluster.signal(node, "SIGKILL");
    while (storedIn(history) < before + 500) await pause(50); // It goes on without the node.
    await cluster.restart(node);
    const other = (node + 1) % 3;
    await cluster.signal(other, "SIGSTOP");
    await pause(5000);
    await cluster.signal(other, "SIGCONT");
    const since = storedIn(history);
    while (storedIn(history) < since + 500) await pause(50);
  }
  over = true;
  await Promise.all([producing, ...consuming]);
  await readAll(driver, "faults", history, final);

  t.deepEqual(checkHistory(history, final), []);
  t.deepEqual(await behind(topic, "app", history), []);
  t.log(`${storedIn(history)} events stored, ${history.length} happenings`);
});

for (const kind of ["reset", "drop answers"] as const) {
  test.serial(`a proxy that does "${kind}": nothing is lost, out of order or stored twice`, async (t) => {
    t.timeout(300_000);
    const proxy = await startProxy(seeded(7));
    const cluster = await startCluster({ advertise: (port) => ((proxy.target = port), proxy.port) });
    t.teardown(() => (proxy.close(), cluster.stop()));
    const driver = await connect(`kafka://127.0.0.1:${proxy.port}/`, { ...options, requestTimeout: 1500 });
    t.teardown(() => driver.close());
    const topic = await driver.createTopic<Value>("faults", { partitions: 3 });
    const history: Happening[] = [];
    let over = false;
    const work = [produceWhile(topic, history, () => over), consumeWhile(topic, "app", history, () => over)];
    proxy.mischief = { kind, after: 20_000 };
    const incidents = (kind === "reset" ? 25 : 3) * scale; // A lost answer is waited for.
    while (proxy.incidents < incidents) await pause(20);
    proxy.mischief = { kind: "none" };
    over = true;
    await Promise.all(work);
    await readAll(driver, "faults", history, final);

    t.deepEqual(checkHistory(history, final), []);
    t.deepEqual(await behind(topic, "app", history), []);
    t.log(`${storedIn(history)} events stored through ${proxy.incidents} incidents`);
  });
}
