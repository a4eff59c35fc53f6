import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  StorageType,
  type JetStreamClient,
} from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import { createClient } from "redis";
import { isInstalled, startProgram, type OtherProcess } from "./otherProcess.ts";

/** A stream of another server, as far as the benchmarks need it. */
export interface Peer {
  /** Stores texts, and resolves when all are acknowledged. */
  produce(texts: readonly string[]): Promise<void>;
  /** Reads so many texts, parses and acknowledges them. */
  consume(count: number): Promise<void>;
  /** Milliseconds from the storing of each of some texts to its coming to a consumer that waits for it. */
  latencies(texts: readonly string[]): Promise<number[]>;
  stop(): Promise<void>;
}

/** How many publishes are unanswered at once. */
const window = 256;

/** The servers that are installed. */
export async function startPeers(): Promise<Record<string, Peer>> {
  const peers: Record<string, Peer> = {};
  if (isInstalled("nats-server")) {
    peers["NATS JetStream, memory"] = await startNats("memory");
    peers["NATS JetStream, file, not synced"] = await startNats("file");
  } else console.log("nats-server is not installed: NATS JetStream is left out");
  if (isInstalled("redis-server")) peers["Redis streams, appendfsync always"] = await startRedis();
  else console.log("redis-server is not installed: Redis streams are left out");
  return peers;
}

/** NATS JetStream, with its JavaScript client. Neither storage is synced before it answers. */
async function startNats(storage: "memory" | "file"): Promise<Peer> {
  const server = await startProgram("nats-server", (port, folder) => [
    "-js",
    "-sd",
    folder,
    "-a",
    "127.0.0.1",
    "-p",
    String(port),
  ]);
  const connection = await connectNats({ servers: server.addresses[0]! });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: "bench",
    subjects: ["bench"],
    storage: storage === "file" ? StorageType.File : StorageType.Memory,
  });
  const client = jetstream(connection);
  let consumers = 0;
  const newConsumer = async (deliver_policy: DeliverPolicy = DeliverPolicy.All) => {
    const name = `c${consumers++}`;
    await manager.consumers.add("bench", { durable_name: name, ack_policy: AckPolicy.All, deliver_policy });
    return (await client.consumers.get("bench", name)).consume({ max_messages: 5000 });
  };
  return {
    produce: (texts) => inWindow(texts, (text) => publish(client, text)),
    async consume(count) {
      let seen = 0;
      for await (const message of await newConsumer()) {
        message.json();
        seen++;
        if (seen % window === 0 || seen === count) message.ack();
        if (seen === count) break;
      }
    },
    async latencies(texts) {
      const messages = (await newConsumer(DeliverPolicy.New))[Symbol.asyncIterator]();
      const taken = await timed(
        texts,
        (text) => publish(client, text),
        () => messages.next(),
      );
      await messages.return?.(); // Its heartbeats would keep this process running.
      return taken;
    },
    async stop() {
      await connection.close();
      await server.stop();
    },
  };
}

async function publish(client: JetStreamClient, text: string): Promise<void> {
  await client.publish("bench", text);
}

/** A stream of Redis with a pipelining client, synced by each group of writes before it answers. */
async function startRedis(): Promise<Peer> {
  const server: OtherProcess = await startProgram("redis-server", (port, folder) => [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...["--appendonly", "yes", "--appendfsync", "always"],
  ]);
  const options = { url: `redis://${server.addresses[0]}` };
  const [client, reader] = [createClient(options), createClient(options)];
  await Promise.all([client.connect(), reader.connect()]);
  await client.xGroupCreate("bench", "app", "0", { MKSTREAM: true });
  const read = async (group: string, count: number, block?: number) => {
    const from = { key: "bench", id: ">" };
    const answer = await reader.xReadGroup(group, "one", from, {
      COUNT: count,
      ...(block !== undefined && { BLOCK: block }),
    });
    return (answer as { messages: { id: string; message: { e: string } }[] }[] | null)?.[0]?.messages ?? [];
  };
  return {
    produce: (texts) => inWindow(texts, (text) => client.xAdd("bench", "*", { e: text })),
    async consume(count) {
      for (let seen = 0; seen < count;) {
        const messages = await read("app", 1000);
        for (const { message } of messages) JSON.parse(message.e);
        await client.xAck(
          "bench",
          "app",
          messages.map(({ id }) => id),
        );
        seen += messages.length;
      }
    },
    async latencies(texts) {
      await client.xGroupCreate("bench", "new", "$"); // What others have left is not for it.
      return timed(
        texts,
        (text) => client.xAdd("bench", "*", { e: text }),
        () => read("new", 1, 5000),
      );
    },
    async stop() {
      client.destroy();
      reader.destroy();
      await server.stop();
    },
  };
}

/** Does something with each text, so many at once. */
async function inWindow(texts: readonly string[], work: (text: string) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < texts.length) await work(texts[next++]!);
  };
  await Promise.all(Array.from({ length: window }, lane));
}

async function timed(
  texts: readonly string[],
  store: (text: string) => Promise<unknown>,
  next: () => Promise<unknown>,
): Promise<number[]> {
  const taken: number[] = [];
  for (const text of texts) {
    const coming = next();
    const start = performance.now();
    const stored = store(text);
    await coming;
    taken.push(performance.now() - start);
    await stored;
  }
  return taken;
}
