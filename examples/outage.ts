// A detector publishes alerts while the backend is away, is killed, and starts again. Every alert that was accepted is
// stored once and in order. The link breaks on purpose: each second answer of the backend is lost as well.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, registerBackend } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { FaultPlan, withFaults } from "sluice/testing";

interface Alert {
  readonly number: number;
  readonly energy: number;
}

const link = new FaultPlan();
registerBackend("far", () => withFaults(memoryBackend(), link));
const driver = await connect("far:");
const alerts = await driver.createTopic<Alert>("alerts");
const journal = await mkdtemp(join(tmpdir(), "publisher-"));
const options = { journal, retry: { initialDelay: 5, maxDelay: 20 } };

const repaired = link.append.fail(new Error("no route to host"));
const first = await alerts.robustProducer(options);
for (let number = 0; number < 1000; number++) first.push({ number, energy: number % 50 });
await first.flush();
console.log("1000 alerts accepted while the backend is away");
const { left } = await first.close({ deadline: 20 });
console.log(`The program ends: ${left} alerts are left in the journal`);

repaired();
let answers = 0;
link.append.loseAnswer(new Error("connection reset"), { when: () => ++answers % 2 === 1 });
const second = await alerts.robustProducer({ ...options, maxBatchEvents: 100 });
const alert = second.push({ number: 1000, energy: 42 });
console.log(`The next program goes on: alert ${await alert.accepted} accepted`);
console.log(`It is stored as event ${await alert.delivered}`);
console.log(`${(await second.close()).left} alerts are left, after ${answers} attempts`);

let expected = 0;
for await (const { metadata } of alerts.consumer("archive", { until: "end" })) {
  if (metadata.number !== expected++) throw new Error(`Alert ${metadata.number} where ${expected - 1} was expected`);
}
console.log(`${expected} alerts stored, each once and in order`);
await driver.close();
await rm(journal, { recursive: true });
