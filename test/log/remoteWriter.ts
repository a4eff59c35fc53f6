// Run by remote.ts as a process of its own: writes to a log as it is told on its input, a line of JSON a command.
import { createInterface } from "node:readline";
import { connect, type Producer, type Topic } from "sluice";

const [directory = "", options = "{}"] = process.argv.slice(2);
const driver = await connect(`log:${directory}`, JSON.parse(options) as Record<string, unknown>);
const topics = new Map<string, Topic<{ n: number; text: string }>>();
const producers = new Map<string, Producer<{ n: number; text: string }>>();

type Command = readonly [string, string, ...unknown[]];

async function run([what, name, ...rest]: Command): Promise<unknown> {
  if (what === "create") topics.set(name, await driver.createTopic(name, rest[0] as object));
  if (what === "open") topics.set(name, await driver.openTopic(name));
  if (what === "delete") await driver.deleteTopic(name);
  if (what === "delete") producers.delete(name);
  const topic = topics.get(name)!;
  if (what === "grow") await topic.addPartitions(rest[0] as number);
  if (what === "seal") await topic.seal();
  if (what === "push") return push(topic, ...(rest as [number, number, number?]));
  if (what === "flood") flood(topic);
  if (what === "acknowledge") {
    const event = await topic.consumer(rest[0] as string).pull();
    await event.acknowledge();
  }
  return undefined;
}

/** Pushes `{ n }` from a number on, and waits until all are stored. */
async function push(topic: Topic<{ n: number; text: string }>, from: number, count: number, size = 0): Promise<void> {
  const producer = producers.get(topic.name) ?? topic.producer();
  producers.set(topic.name, producer);
  const text = "x".repeat(size);
  for (let n = from; n < from + count; n++)
    void producer.push({ n, text }, size > 100 ? new Uint8Array(size) : undefined);
  await producer.flush();
}

/** Pushes `{ n }` for as long as the process lives. */
function flood(topic: Topic<{ n: number; text: string }>): void {
  const producer = topic.producer();
  let n = 0;
  const more = async (): Promise<void> => {
    for (;;) {
      for (let i = 0; i < 200; i++) void producer.push({ n: n++, text: "" });
      await producer.flush();
    }
  };
  void more();
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await run(JSON.parse(line) as Command).catch((error: unknown) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}
await driver.close();
process.exit(0);
