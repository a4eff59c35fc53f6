import { fromEvent, lastValueFrom, takeUntil, tap } from "rxjs";
import type { DriverStatistics } from "sluice";
import type { Invocation } from "../invocation.ts";
import { formatCount, plural } from "../units.ts";

/**
 * Says again and again what a backend holds and how fast that grows, until it is asked to stop.
 *
 * @param every - Seconds from one time to the next.
 */
export async function followStatus(invocation: Invocation, every: number): Promise<void> {
  const { output, stopping } = invocation;
  invocation.stopWhenUnread();
  const driver = await invocation.connectToRead();
  invocation.stopOnSignal();
  const samples = driver.statistics({ every: every * 1000 }).pipe(
    takeUntil(fromEvent(stopping, "abort")),
    tap((sample) => output.result(sample, () => sampleText(sample, invocation))),
  );
  await lastValueFrom(samples, { defaultValue: undefined });
}

function sampleText(
  { topics, events, storedPerSecond }: DriverStatistics,
  { output }: Pick<Invocation, "output">,
): string {
  const all = `${plural(events, "event")} in ${plural(topics.length, "topic")}, ${formatCount(storedPerSecond)} stored a second`;
  const table = output.table(topics, [
    { title: "topic", value: ({ topic }) => topic },
    { title: "partitions", value: ({ partitions }) => partitions },
    { title: "events", value: (topic) => topic.events },
    { title: "stored/s", value: (topic) => Math.round(topic.storedPerSecond) },
  ]);
  return topics.length === 0 ? all : `${output.style("bold", all)}\n${table}\n`;
}
