import { from, lastValueFrom, map } from "rxjs";
import { connect } from "sluice";
import { produce } from "sluice/operators";

const driver = await connect("memory:");
const topic = await driver.createTopic<{ energy: number }>("collisions");
const collisions$ = from([12, 42]).pipe(map((energy) => ({ metadata: { energy }, data: new Uint8Array(4096) })));
await lastValueFrom(collisions$.pipe(produce(topic)));

await topic
  .consumer("app2", {
    until: "end",
    dataSelector: ({ energy }, data) => (energy > 20 ? data.makeSubView(0, 64) : null),
  })
  .process((event) => console.log(event.metadata.energy, event.data.size), { concurrency: 4 }); // 12 0, 42 64
await driver.close();
