import { firstValueFrom, from } from "rxjs";
import type { EventBatch } from "sluice";
import { readings, type Reading } from "../events.ts";
import { compare, secondsOf, type Contender, type Figure } from "../harness.ts";
import { pushAll, withDirectory, withTopic } from "./directory.ts";
import { peers } from "./peers.ts";
import { encodeAndWrite, encodeBatches, withFile, writeAhead, writeRaw } from "./rawFile.ts";

const size = 1024;
const large = 4096;

/** Durable events a second, beside what the disk and the encoding alone allow, and beside peers. */
export async function smallEvents(count = 300_000, runs = 5): Promise<Figure[]> {
  const events = readings(count);
  const rate = async (work: () => unknown) => count / (await secondsOf(work));
  const batches = [...encodeBatches(events, large)];
  const raw = `raw: write and fdatasync of ${large} events, written before`;
  const contenders: Contender[] = [
    {
      name: raw,
      run: () => withFile(async (file) => (await writeAhead(file, batches), rate(() => writeRaw(file, batches)))),
    },
    {
      name: "raw: the same at the end of the file",
      run: () => withFile((file) => rate(() => writeRaw(file, batches))),
    },
    { name: "JSON encoding alone", run: () => rate(() => [...encodeBatches(events, large)]) },
    {
      name: `encoding beside raw writes, ${large} events a batch`,
      run: () => withFile((file) => rate(() => encodeAndWrite(file, events, large))),
    },
    {
      name: `encoding beside raw writes, ${size} events a batch`,
      run: () => withFile((file) => rate(() => encodeAndWrite(file, events, size))),
    },
    {
      name: `Sluice, encoding and append alone, ${large} events a batch`,
      run: () => withDirectory((directory) => withTopic(directory, (topic) => rate(() => appendAll(topic, events)))),
    },
    {
      name: "Sluice, push, adaptive batches",
      run: () => withDirectory((directory) => withTopic(directory, (topic) => rate(() => pushAll(topic, events)))),
      aim: "0.7 of the slower of the limits, 2 M",
    },
    {
      name: "Sluice, push, adaptive batches of up to 16,384",
      run: () =>
        withDirectory((directory) =>
          withTopic(directory, (topic) =>
            rate(() => pushAll(topic, events, { maxBatchEvents: 16_384, maxBatchBytes: 8 << 20 })),
          ),
        ),
    },
    {
      name: `Sluice, push, ${size} events a batch`,
      run: () =>
        withDirectory((directory) =>
          withTopic(directory, (topic) => rate(() => pushAll(topic, events, { batchSize: size }))),
        ),
      aim: "ahead of each peer",
    },
    {
      name: "Sluice, push, adaptive batches, durability os",
      run: () =>
        withDirectory((directory) =>
          withTopic(directory, (topic) => rate(() => pushAll(topic, events, { durability: "os" }))),
        ),
    },
  ];
  for (const { name, store } of await peers()) {
    contenders.push({
      name: `${name}, ${size} events a batch`,
      run: () => withDirectory((directory) => rate(() => store(directory, events, size))),
    });
  }
  const group = "Produce, 128-byte JSON metadata, log, durability disk";
  return compare(group, contenders, { unit: "events/s", runs, warmUps: 3, baseline: "JSON encoding alone" });
}

/** What the log costs below the producer: batches are encoded and appended, one in flight while the next is encoded. */
async function appendAll(
  topic: { readonly backend: { readonly partitions: readonly Appender[] } },
  events: readonly Reading[],
): Promise<void> {
  const encoder = new TextEncoder();
  const partition = topic.backend.partitions[0]!;
  let last: Promise<unknown> = Promise.resolve();
  for (let start = 0; start < events.length; start += large) {
    const count = Math.min(large, events.length - start);
    const metadataEnds = new Uint32Array(count);
    let text = "";
    for (let i = 0; i < count; i++) metadataEnds[i] = (text += JSON.stringify(events[start + i])).length;
    const batch: EventBatch = {
      count,
      metadata: encoder.encode(text),
      metadataEnds,
      timestamps: new Float64Array(count).fill(Date.now()),
      data: [],
      dataEnds: undefined,
    };
    await last;
    last = firstValueFrom(from(partition.append(batch)));
  }
  await last;
}

interface Appender {
  append(batch: EventBatch): Parameters<typeof from>[0];
}
