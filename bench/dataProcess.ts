import { connect, type Topic } from "sluice";
import { median, secondsOf } from "./harness.ts";

// One side of the benchmark of large data, in a process of its own.

const mebibyte = 1 << 20;
const count = 200;
const [warmUps, runs] = [20, 21];
const source = new Uint8Array(mebibyte).fill(7);
const sides: Readonly<Record<string, () => unknown>> = {
  topic: throughTopic,
  slices: () => copyTwice((bytes) => bytes.slice()),
  copies: () => copyTwice(copyUnfilled),
};
const work = sides[process.argv[2]!]!;

const figures: number[] = [];
for (let run = -warmUps; run < runs; run++) {
  const seconds = await secondsOf(work);
  if (run >= 0) figures.push((count * mebibyte) / 1e6 / seconds);
  await new Promise((resolve) => setImmediate(resolve));
}
process.send!(median(figures));
process.disconnect();

function copyTwice(copy: (bytes: Uint8Array) => Uint8Array): number {
  const stored: Uint8Array[] = [];
  for (let i = 0; i < count; i++) stored.push(copy(source));
  let sum = 0;
  for (const bytes of stored) sum += copy(bytes)[0]!;
  return sum;
}

/** A copy into memory that is not filled with zeros first, as `slice` does it. */
function copyUnfilled(bytes: Uint8Array): Uint8Array {
  const copied = Buffer.allocUnsafeSlow(bytes.length);
  copied.set(bytes);
  return copied;
}

async function throughTopic(): Promise<void> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("bench");
  const producer = topic.producer();
  for (let n = 0; n < count; n++) {
    producer.push({ n }, source);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
  await readAll(topic);
  await driver.close();
}

function readAll(topic: Topic<{ n: number }>): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    topic.consumer("bench", { until: "end", dataSelector: (_, descriptor) => descriptor }).subscribe({
      next: (event) => {
        bytes += event.data.size;
        event.acknowledge();
      },
      error: reject,
      complete: () => (bytes === count * mebibyte ? resolve() : reject(new Error(`${bytes} bytes came`))),
    });
  });
}
