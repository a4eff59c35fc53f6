import { connect, type Driver } from "sluice";
import { single, type Figure } from "../harness.ts";
import { startHost } from "./otherProcess.ts";

/** What consumers cost that have nothing to read. `SLUICE_BENCH_IDLE` says how many, 10,000 where it says nothing: each takes a file descriptor on both sides. */
export async function idleConsumers(): Promise<Figure[]> {
  const count = Number(process.env["SLUICE_BENCH_IDLE"] ?? 10_000);
  const host = await startHost("memory");
  const webSocket = host.addresses.at(-1)!;
  const first = await connect(webSocket);
  await first.createTopic("idle");
  const before = await host.memory();
  const own = process.memoryUsage.rss();
  const drivers: Driver[] = [];
  for (let i = 0; i < count; i++) {
    const driver = await connect(webSocket);
    (await driver.openTopic("idle")).consumer(`c${i}`).subscribe();
    drivers.push(driver);
  }
  await first.listTopics();
  const taken = (await host.memory()) - before;
  const figures = [
    single(`${count} idle consumers, each with a WebSocket`, "the service, each", "KiB", taken / count / 1024),
    single(
      `${count} idle consumers, each with a WebSocket`,
      "the client, each",
      "KiB",
      (process.memoryUsage.rss() - own) / count / 1024,
    ),
  ];
  await host.stop();
  await Promise.all([first, ...drivers].map((driver) => driver.close({ deadline: 0 })));
  return figures;
}
