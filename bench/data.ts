import { connect, type Topic } from "sluice";
import { compare, secondsOf, type Figure } from "./harness.ts";

const mebibyte = 1 << 20;

/**
 * Events with 1 MiB of data, stored and read back whole. The memory backend has to copy the bytes twice: once when it
 * stores them, since they are the caller's again afterwards, and once when it hands them out, since what is stored must
 * not change under its readers. Those two copies alone are the limit.
 */
export async function benchData(count = 200): Promise<Figure[]> {
  const source = new Uint8Array(mebibyte).fill(7);
  const rate = async (work: () => unknown) => (count * mebibyte) / 1e6 / (await secondsOf(work));
  return compare(
    "Events with 1 MiB of data, stored and read back, memory backend",
    [
      { name: "the two copies alone", run: () => rate(() => copyTwice(source, count)) },
      { name: "Sluice, push, consume, acknowledge", run: () => rate(() => throughTopic(source, count)), aim: "0.9" },
    ],
    // How much memory the system takes back and gives anew differs from run to run, by more than the sides differ: many runs.
    { unit: "MB/s", baseline: "the two copies alone", warmUps: 10, runs: 21 },
  );
}

function copyTwice(source: Uint8Array, count: number): number {
  const stored: Uint8Array[] = [];
  for (let i = 0; i < count; i++) stored.push(source.slice());
  let sum = 0;
  for (const bytes of stored) sum += bytes.slice()[0]!;
  return sum;
}

async function throughTopic(source: Uint8Array, count: number): Promise<void> {
  const driver = await connect("memory:");
  const topic = await driver.createTopic<{ n: number }>("bench");
  const producer = topic.producer();
  for (let n = 0; n < count; n++) {
    producer.push({ n }, source);
    if (!producer.isReady) await producer.ready;
  }
  await producer.flush();
  await readAll(topic, count);
  await driver.close();
}

function readAll(topic: Topic<{ n: number }>, count: number): Promise<void> {
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
