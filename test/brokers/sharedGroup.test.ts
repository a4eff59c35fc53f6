import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { firstValueFrom } from "rxjs";
import type { GroupProtocol } from "../../backends/kafka/index.ts";
import { connect, type Topic } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { pause } from "./faults/workload.ts";
import { impatient } from "./kafkaUnderTest.ts";

interface Numbered {
  readonly n: number;
}

/** Two topics whose consumers have one name, and so one group of Kafka. */
async function twoTopics(
  t: ExecutionContext,
  groupProtocol: GroupProtocol,
): Promise<[Topic<Numbered>, Topic<Numbered>]> {
  t.timeout(180_000);
  const options = { ...impatient, groupProtocol, namespace: randomUUID().slice(0, 8), groupPrefix: randomUUID() };
  const driver = await connect(`kafka://${brokersUnderTest()}/`, options);
  t.teardown(() => driver.close());
  return [await driver.createTopic("one", { partitions: 2 }), await driver.createTopic("two", { partitions: 2 })];
}

for (const protocol of ["classic", "consumer"] as const) {
  test(`members that come and go in one topic lose and repeat nothing of another one that shares their group: "${protocol}"`, async (t) => {
    const [one, two] = await twoTopics(t, protocol);
    const seen: number[] = [];
    const steady = one.consumer("app");
    steady.subscribe((event) => {
      seen.push(event.metadata.n);
      event.acknowledge();
    });
    const [first, second] = [one.producer(), two.producer()];
    let sent = 0;
    const sendWhile = async (work: Promise<unknown>) => {
      let isOver = false;
      const over = work.finally(() => (isOver = true));
      while (!isOver) await first.push({ n: sent++ });
      await over;
    };
    for (let n = 0; n < 5; n++) {
      await second.push({ n });
      const guest = two.consumer("app");
      // Who comes has what its predecessor has not acknowledged, and nothing that it has.
      const handled = (async () => {
        const event = await guest.pull();
        await event.acknowledge();
        return event.metadata.n;
      })();
      await sendWhile(handled);
      t.is(await handled, n);
      await guest.close();
    }
    while (seen.length < sent) await pause(10);

    t.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: sent }, (_, n) => n),
    );
    await steady.close();
    t.is((await one.lag("app")).total, 0);
    t.is((await two.lag("app")).total, 0);
  });

  test(`what is acknowledged after its consumer has left is ERR_FENCED while another topic has members, and comes again: "${protocol}"`, async (t) => {
    const [one, two] = await twoTopics(t, protocol);
    await one.producer().push({ n: 1 }, undefined, { partition: 0 });
    await two.producer().push({ n: 2 }, undefined, { partition: 0 });
    const other = two.consumer("app");
    const event = await firstValueFrom(one.consumer("app"));
    await other.pull();

    await t.throwsAsync(async () => event.acknowledge(), { code: "ERR_FENCED" });
    t.is((await firstValueFrom(one.consumer("app"))).metadata.n, 1);
    await other.close();
  });
}
