import { connect, type ConsumerStatus, type Driver } from "sluice";
import { reading, type Reading } from "../events.ts";
import { percentile, single, type Figure } from "../harness.ts";
import { mebibyte } from "./load.ts";
import { startHost, startStoppedReader } from "./otherProcess.ts";

/** How long events take to many consumers, without and with one beside them that has asked for all data and reads nothing. */
export async function slowReader(): Promise<Figure[]> {
  const count = Number(process.env["SLUICE_BENCH_ACTIVE"] ?? 1000);
  const host = await startHost("memory");
  const webSocket = host.addresses.at(-1)!;
  const first = await connect(webSocket);
  const topic = await first.createTopic<Reading>("active");
  const producer = topic.producer();
  let arrived: (taken: number) => void = () => {};
  let start = 0;
  const drivers: Driver[] = [];
  for (let i = 0; i < count; i++) {
    const driver = await connect(webSocket);
    const active = await driver.openTopic<Reading>("active");
    await new Promise<void>((begun) => {
      const status = { next: ({ state }: ConsumerStatus) => (state === "running" ? begun() : undefined) };
      active.consumer(`c${i}`, { startFrom: "latest", status }).subscribe(() => arrived(performance.now() - start));
    });
    drivers.push(driver);
  }
  const round = async (times: number) => {
    const taken: number[] = [];
    for (let i = 0; i < times; i++) {
      const all = new Promise<void>((resolve) => {
        let missing = count;
        arrived = (milliseconds) => (taken.push(milliseconds), --missing === 0 ? resolve() : undefined);
      });
      start = performance.now();
      producer.push(reading(i));
      await all;
    }
    return taken;
  };
  for (let i = 0; i < 40; i++) {
    const all = new Promise<void>((resolve) => {
      let missing = count;
      arrived = () => (--missing === 0 ? resolve() : undefined);
    });
    producer.push(reading(i), new Uint8Array(mebibyte));
    await all;
  }
  await round(5);
  // In turn, so that both meet the same machine.
  const [without, beside]: [number[], number[]] = [[], []];
  for (let i = 0; i < 5; i++) {
    without.push(...(await round(10)));
    const stopped = await startStoppedReader(webSocket);
    beside.push(...(await round(10)));
    await stopped();
  }
  await host.stop();
  await Promise.allSettled([first, ...drivers].map((driver) => driver.close({ deadline: 0 })));
  const group = `An event to each of ${count} consumers with a WebSocket of their own`;
  return [
    single(group, "alone, p99", "ms", percentile(without, 0.99)),
    single(group, "beside one that reads nothing, p99", "ms", percentile(beside, 0.99), "within a tenth"),
  ];
}
