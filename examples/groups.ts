// Two consumers of one name share the partitions of a topic. When one leaves, the other one takes over what it had, from
// the last acknowledged event on: every event is handled once.

import { filter, firstValueFrom } from "rxjs";
import { connect } from "sluice";

const driver = await connect("memory:");
const topic = await driver.createTopic<{ n: number }>("numbers", { partitions: 4 });
const producer = topic.producer();

const handled = new Map<number, string>();

/** A member of the group "readers". Events are acknowledged once they are handled. */
function join(name: string) {
  const reader = topic.consumer("readers");
  const running = reader.process(({ metadata: { n } }) => {
    if (handled.has(n)) throw new Error(`${n} came twice`);
    handled.set(n, name);
  });
  return { name, leave: () => reader.close(), running };
}

/** Stores some numbers, waits until the group has handled them, and tells who had which partitions. */
async function round(title: string, first: number): Promise<void> {
  const owners: string[] = [];
  for (let n = first; n < first + 40; n++) producer.push({ n });
  await producer.flush();
  await firstValueFrom(
    topic.statistics({ every: 5, consumers: ["readers"] }).pipe(filter(({ lag }) => lag["readers"] === 0)),
  );
  for (let partition = 0; partition < 4; partition++) owners.push(`${partition}: ${handled.get(first + partition)}`);
  console.log(`${title.padEnd(16)} ${owners.join(", ")}`);
}

const ada = join("ada");
await round("ada alone", 0);
const ben = join("ben");
await round("ada and ben", 40);
await ada.leave();
await round("ben alone", 80);
await ben.leave();
await Promise.all([ada.running, ben.running]);

const share = (name: string) => [...handled.values()].filter((each) => each === name).length;
console.log(`${handled.size} numbers: ${share("ada")} by ada, ${share("ben")} by ben, none twice`);
await driver.close();
