// A handler that fails is tried again, waiting longer each time. An event that still cannot be handled goes to a topic of
// its own, with its data, where it came from and why, and the stream goes on.

import { lastValueFrom } from "rxjs";
import { connect, type StreamEvent } from "sluice";
import { consume, deadLetterTo, processEvents, type DeadLetterMetadata } from "sluice/operators";

interface Order {
  item: string;
  pieces: number;
}

const driver = await connect("memory:");
const orders = await driver.createTopic<Order>("orders");
const dead = await driver.createTopic<DeadLetterMetadata<Order>>("orders.dead");

const producer = orders.producer();
producer.push({ item: "lamp", pieces: 2 });
producer.push({ item: "chair", pieces: 0 }, new TextEncoder().encode("a scan of the order"));
producer.push({ item: "table", pieces: 1 });
await producer.flush();

let tries = 0;

/** The first order meets a service that is away for a moment; the second one cannot be handled by anybody. */
async function handle({ metadata: { item, pieces } }: StreamEvent<Order>): Promise<void> {
  if (item === "lamp" && ++tries < 3) throw new Error("the warehouse does not answer");
  if (pieces === 0) throw new RangeError("an order of no pieces");
  console.log(`${pieces} × ${item}${item === "lamp" ? `, at try ${tries}` : ""}`);
}

const handled$ = consume(orders, "shipping", { until: "end" }).pipe(
  processEvents(handle, { retry: { count: 3, initialDelay: 5 }, deadLetter: deadLetterTo(dead) }),
);
await lastValueFrom(handled$);
console.log(`${(await orders.lag("shipping")).total} orders are left`);

const letters = dead.consumer("clerk", { dataSelector: (_, data) => data, until: "end" });
await letters.process(({ metadata: { metadata, origin, error }, data }) => {
  const scan = new TextDecoder().decode(data.toUint8Array());
  console.log(
    `Dead letter: event ${origin.id} of "${origin.topic}" (${metadata.item}), ${error.name}: ${error.message}`,
  );
  console.log(`Its data came along: "${scan}"`);
});
await driver.close();
