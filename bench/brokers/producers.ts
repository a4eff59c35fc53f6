import { Producer, type MessageToProduce } from "@platformatic/kafka";
import kafkajs from "kafkajs";
import { secondsOf } from "../harness.ts";
import { newKafkajs, valueOf, type Load, type Place, type Way } from "./load.ts";

/** Each way to produce; all of them wait for acks=all. */
export const producers: Readonly<Record<string, Way>> = {
  Sluice: async (place, { bytes, count, batch }, name) => {
    const metadata = JSON.parse(valueOf(bytes)) as unknown;
    const producer = (await place.driver.openTopic(name)).producer();
    return secondsOf(async () => {
      for (let i = 0; i < count; i++) {
        producer.push(metadata);
        if (i % batch === batch - 1) await producer.ready;
      }
      await producer.flush();
    });
  },
  // As Sluice is given them: objects, each of which is made into JSON.
  "@platformatic/kafka, batches by hand": (place, load, name) => {
    const metadata = JSON.parse(valueOf(load.bytes)) as unknown;
    return byHand(place, load, name, () => Buffer.from(JSON.stringify(metadata)));
  },
  "@platformatic/kafka, batches by hand, serialized once": (place, load, name) => {
    const value = Buffer.from(valueOf(load.bytes));
    return byHand(place, load, name, () => value);
  },
  "kafkajs, batches by hand": async (place, { bytes, count, batch }, name) => {
    const kafka = newKafkajs(place);
    const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const metadata = JSON.parse(valueOf(bytes)) as unknown;
    const seconds = await secondsOf(async () => {
      for (let i = 0; i < count; i += batch) {
        const messages = Array.from({ length: Math.min(batch, count - i) }, () => ({
          partition: 0,
          value: JSON.stringify(metadata),
        }));
        await producer.send({ topic: name, messages, acks: -1 });
      }
    });
    await producer.disconnect();
    return seconds;
  },
  "kafkajs, single events": async (place, { bytes, count }, name) => {
    const producer = newKafkajs(place).producer({
      idempotent: true,
      maxInFlightRequests: 5,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const metadata = JSON.parse(valueOf(bytes)) as unknown;
    const some = Math.ceil(count / 20); // It is so much slower that a part of the load says enough.
    const seconds = await secondsOf(async () => {
      for (let i = 0; i < some; i += 100) {
        const sent = Array.from({ length: Math.min(100, some - i) }, () =>
          producer.send({ topic: name, messages: [{ partition: 0, value: JSON.stringify(metadata) }], acks: -1 }),
        );
        await Promise.all(sent);
      }
    });
    await producer.disconnect();
    return (seconds * count) / some;
  },
};

/** Produces with @platformatic/kafka: batches of the size that is given, one after the other. */
async function byHand(place: Place, { count, batch }: Load, topic: string, valueOfOne: () => Buffer): Promise<number> {
  const producer = new Producer({ clientId: "bench", bootstrapBrokers: place.brokers, idempotent: true, acks: -1 });
  const seconds = await secondsOf(async () => {
    for (let i = 0; i < count; i += batch) {
      const messages: MessageToProduce[] = Array.from({ length: Math.min(batch, count - i) }, () => ({
        topic,
        partition: 0,
        value: valueOfOne(),
      }));
      await producer.send({ messages });
    }
  });
  await producer.close();
  return seconds;
}
