import test, { type ExecutionContext } from "ava";
import type { GroupProtocol, KafkaConnectOptions } from "../../backends/kafka/index.ts";
import { connect } from "../../src/index.ts";
import { checkHistory, type Happening } from "../kafka/checkHistory.ts";
import { startCluster, type Cluster } from "./cluster/cluster.ts";
import { incidents, startMember, type Member, type Seen } from "./faults/members.ts";
import { pause, produceWhile, readAll, seeded, storedIn, type Value } from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";

/** How many things happen to members; `SLUICE_SOAK` multiplies it. */
const many = 200 * Number(process.env["SLUICE_SOAK"] ?? 1);
const seed = Number(process.env["SLUICE_SEED"] ?? 4);
const slots = 6;
const sessionTimeout = 1000;
const options: KafkaConnectOptions = { ...impatient, heartbeatInterval: 100, sessionTimeout, rebalanceTimeout: 3000 };
const final = "final";

let cluster: Cluster | undefined;

test.before("starts a broker whose sessions are short", async (t) => {
  t.timeout(180_000);
  const session = String(sessionTimeout);
  cluster = await startCluster({
    properties: {
      "group.min.session.timeout.ms": session,
      "group.consumer.min.session.timeout.ms": session,
      "group.consumer.session.timeout.ms": session,
      "group.consumer.min.heartbeat.interval.ms": "100",
      "group.consumer.heartbeat.interval.ms": "100",
    },
  });
});

test.after.always("stops it", () => cluster?.stop());

async function trouble(t: ExecutionContext, groupProtocol: GroupProtocol): Promise<void> {
  t.timeout(600_000);
  const name = `members-${groupProtocol}`;
  const brokers = cluster!.brokers.join();
  const driver = await connect(`kafka://${brokers}/`, { ...options });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic<Value>(name, { partitions: 12 });
  const [history, seen]: [Happening[], Seen[]] = [[], []];
  let over = false;
  const producing = produceWhile(topic, history, () => over, 1);
  const start = () => startMember(brokers, name, "app", { ...options, groupProtocol }, seen);
  const random = seeded(seed);
  const counts = Object.fromEntries(incidents.map((kind) => [kind, 0])) as Record<(typeof incidents)[number], number>;
  let left = many;

  /** Goes on when a member has been given something that it had not. */
  const delivers = async (member: Member) => {
    for (const before = member.delivered; member.delivered < before + 5;) await pause(10);
  };
  /** One place in the group, and what happens to whoever has it. */
  const slot = async (): Promise<void> => {
    let member = start();
    while (left > 0) {
      left--;
      await delivers(member);
      // A death costs a process: there are fewer of them than of the others.
      const kind = random() < 0.12 ? "die" : incidents[Math.floor(random() * 3)]!;
      counts[kind]++;
      if (kind === "stall") await member.stall(1.2 * sessionTimeout);
      else if (kind === "join") member.join();
      else if (kind === "leave") {
        member.join();
        member.leave();
      } else {
        await member.die();
        member = start();
      }
    }
    await delivers(member); // It works still.
    await member.end();
  };
  await Promise.all(Array.from({ length: slots }, slot));
  over = true;
  await producing;
  const last = start();
  const isDone = async () => (await topic.lag("app")).partitions.every(({ lag }) => lag === 0);
  while (!(await isDone())) await pause(50);
  await last.end();
  const inOrder = seen.toSorted((a, b) => (a.at < b.at ? -1 : 1)).map(({ happening }) => happening);
  history.push(...inOrder);
  await readAll(driver, name, history, final);

  const findings = checkHistory(history, final);
  const acknowledged = inOrder.filter(({ kind }) => kind === "acknowledged").length;
  const delivered = new Set(inOrder.flatMap((each) => (each.kind === "polled" ? [each.value] : []))).size;
  const again = inOrder.length - acknowledged - delivered;
  const how = incidents.map((kind) => `${kind} ${counts[kind]}`).join(", ");
  t.log(`${how}: ${storedIn(history)} events stored, ${again} delivered again (seed ${seed})`);
  t.deepEqual(findings, []);
}

for (const groupProtocol of ["classic", "consumer"] as const) {
  test.serial(
    `members that join, leave, stall and die, by the protocol "${groupProtocol}": nothing is lost, out of order, or delivered again once acknowledged`,
    trouble,
    groupProtocol,
  );
}
