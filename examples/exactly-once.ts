// Orders are turned into bills, each exactly once: a bill and the note that its order was handled are stored in one step.
// The program is stopped after three transactions, and then an answer of the backend is lost on the way.

import { lastValueFrom, map, range, take, toArray } from "rxjs";
import { connect, registerBackend } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { consume, processExactlyOnce, produce, type DeadLetterMetadata } from "sluice/operators";
import { FaultPlan, withFaults } from "sluice/testing";

interface Order {
  number: number;
  pieces: number;
}

interface Bill {
  order: number;
  total: number;
}

const faults = new FaultPlan();
registerBackend("flaky", () => withFaults(memoryBackend(), faults));
const driver = await connect("flaky:");
const orders = await driver.createTopic<Order>("orders", { partitions: 2 });
const bills = await driver.createTopic<Bill>("bills");
const dead = await driver.createTopic<DeadLetterMetadata<Order>>("orders.dead");

const orders$ = range(0, 100).pipe(
  map((number) => ({ metadata: { number, pieces: number === 42 ? 0 : (number % 5) + 1 } })),
);
await lastValueFrom(orders$.pipe(produce(orders)));

let lost = 0;
const billed$ = consume(orders, "billing", { until: { idle: 100 } }).pipe(
  processExactlyOnce(
    bills,
    ({ metadata: { number, pieces } }) => {
      if (pieces === 0) throw new RangeError("an order of no pieces");
      return { metadata: { order: number, total: 3 * pieces } };
    },
    { batchSize: 10, deadLetter: dead, retry: { initialDelay: 5 }, failures: { next: () => lost++ } },
  ),
);
await lastValueFrom(billed$.pipe(take(3), toArray())); // As if the program had ended here.
faults.transact.loseAnswer(new Error("connection reset"), { times: 1 });
await lastValueFrom(billed$);

const stored = await lastValueFrom(consume(bills, "audit", { until: "end" }).pipe(toArray()));
const numbers = new Set(stored.map(({ metadata }) => metadata.order));
console.log(`${stored.length} bills for ${numbers.size} orders, with ${lost} answer lost`);
const letter = await dead.consumer("clerk").pull();
console.log(`Order ${letter.metadata.metadata.number} is put aside: ${letter.metadata.error.message}`);
console.log(`${(await orders.lag("billing")).total} orders are left`);
await driver.close();
