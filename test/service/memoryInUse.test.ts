import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { connected, served } from "./served.ts";

/** Bytes of arrays that are in use when all that is not has been freed. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

test("a service of a memory backend holds the data of its topics once", async (t) => {
  const service = await served(t);
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<{ n: number }>("large");
  const producer = topic.producer({ batchSize: 1 });
  const [count, size] = [32, 1 << 20];
  await producer.push({ n: -1 });
  const before = bytesInUse();
  for (let n = 0; n < count; n++) await producer.push({ n }, new Uint8Array(size).fill(n));
  const held = bytesInUse() - before;

  t.true(held >= count * size && held < 1.2 * count * size, `${held} bytes are held of ${count * size}`);
  const last = topic.consumer("last", { startFrom: { last: 1 }, dataSelector: (_, data) => data });
  t.deepEqual((await last.pull()).data.toUint8Array(), new Uint8Array(size).fill(count - 1));
});
