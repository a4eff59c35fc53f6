import { firstValueFrom, Subject } from "rxjs";
import { connect } from "sluice";
import { percentile, single, type Figure } from "./harness.ts";

/** Milliseconds from the push of one adaptive event, with nothing else under way, to its delivery and to its receipt. */
export async function benchLatency(count = 5000): Promise<Figure[]> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("bench");
  const producer = topic.producer();
  const arrived = new Subject<number>();
  const subscription = topic.consumer("bench").subscribe((event) => {
    event.acknowledge();
    arrived.next(performance.now());
  });
  const deliveries: number[] = [];
  const receipts: number[] = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    const delivery = firstValueFrom(arrived);
    const receipt = producer.push({ n });
    deliveries.push(((await delivery) - start) * 1000);
    await receipt;
    receipts.push((performance.now() - start) * 1000);
  }
  subscription.unsubscribe();
  await driver.close();
  const group = "Latency of one adaptive event, memory backend";
  return [
    single(group, "push to delivery, p50", "µs", percentile(deliveries, 0.5)),
    single(group, "push to delivery, p99", "µs", percentile(deliveries, 0.99)),
    single(group, "push to receipt, p50", "µs", percentile(receipts, 0.5)),
    single(group, "push to receipt, p99", "µs", percentile(receipts, 0.99)),
  ];
}
