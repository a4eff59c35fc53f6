// Run by killCycles.ts as a process of its own, and killed at any moment. It says on its output which numbers were accepted.
import { writeSync } from "node:fs";
import { logBackend } from "sluice/backends/log";
import { FaultPlan, withFaults } from "sluice/testing";
import { connect, openBackend, registerBackend, type Backend } from "sluice";
import { linkedBackend } from "./link.ts";

const [directory = "", target = "log", first = "0", seed = "0", durability = "disk"] = process.argv.slice(2);
const backends: Readonly<Record<string, () => Backend | Promise<Backend>>> = {
  log: () => logBackend(`${directory}/target`, { segmentBytes: 40_000 }),
  memory: linkedBackend,
  service: () => openBackend(`unix:${directory}/socket`),
};
const backend = await backends[target]!();
const link = new FaultPlan();
let answers = Number(seed);
link.append.loseAnswer(new Error("connection reset"), { when: () => ++answers % 2 === 0 });
registerBackend("target", () => withFaults(backend, link));
const driver = await connect("target:");
const topic = (await driver.topicExists("t"))
  ? await driver.openTopic<{ n: number }>("t")
  : await driver.createTopic<{ n: number }>("t");
const producer = await topic.robustProducer({
  journal: `${directory}/journal`,
  durability: durability as "disk" | "os",
  journalOptions: { segmentBytes: 40_000 },
  retry: { initialDelay: 1, maxDelay: 5 },
  maxBatchEvents: 50,
  compactAfter: Number(seed) % 3 === 0 ? 1 : 1000,
});
writeSync(1, `open ${first}\n`);
for (let n = Number(first); ; n++) {
  const data = n % 11 === 0 ? new Uint8Array(n % 3000).fill(n) : undefined;
  producer.push({ n }, data).accepted.then(
    () => writeSync(1, `accepted ${n}\n`),
    () => undefined,
  );
  if (!producer.isReady) await producer.ready;
  if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (n % 200 === 0 && Number(seed) % 2 === 0) await producer.drain();
}
