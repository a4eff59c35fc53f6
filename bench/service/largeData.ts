import { connect, type Topic } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, secondsOf, type Figure } from "../harness.ts";
import { mebibyte, pushAll, readAll, transports, withTopic } from "./load.ts";
import { startHost } from "./otherProcess.ts";

/** Large data to and from another process, whole and in part. */
export async function largeData(): Promise<Figure[]> {
  const host = await startHost("memory");
  const [count, block] = [100, 65_536];
  const data = new Uint8Array(mebibyte).fill(7);
  const drivers = await Promise.all(host.addresses.map((address) => connect(address)));
  const megabytes = async (work: () => unknown, size: number) => (count * size) / 1e6 / (await secondsOf(work));
  const pushes = (topic: Topic<Reading>) => pushAll(topic, readings(count), data);
  const figures: Figure[] = [];
  const options = { unit: "MB/s", runs: 3, baseline: "Sluice, TCP" };
  const each = (run: (topic: Topic<Reading>) => Promise<number>) =>
    transports.map((transport, i) => ({ name: `Sluice, ${transport}`, run: () => withTopic(drivers[i]!, run) }));
  figures.push(
    ...(await compare(
      "Events with 1 MiB of data, stored, memory",
      each((topic) => megabytes(() => pushes(topic), mebibyte)),
      options,
    )),
  );
  const whole = each(async (topic) => (await pushes(topic), megabytes(() => readAll(topic, count, "all"), mebibyte)));
  figures.push(...(await compare("Events with 1 MiB of data, all of it selected", whole, options)));
  const some = each(async (topic) => (await pushes(topic), megabytes(() => readAll(topic, count, "some"), block)));
  figures.push(...(await compare("Of 1 MiB every 16th KiB selected, bytes that moved", some, options)));
  for (const driver of drivers) await driver.close();
  await host.stop();
  return figures;
}
