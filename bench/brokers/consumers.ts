import { randomUUID } from "node:crypto";
import { Consumer, stringDeserializers } from "@platformatic/kafka";
import { lastValueFrom, tap } from "rxjs";
import { secondsOf } from "../harness.ts";
import { newKafkajs, type Way } from "./load.ts";

/** Each way to consume, with the metadata read as JSON. */
export const consumers: Readonly<Record<string, Way>> = {
  "Sluice, acknowledged": async (place, { count }, name) => {
    const topic = await place.driver.openTopic(name);
    let seen = 0;
    return secondsOf(async () => {
      const consumer = topic.consumer(`bench-${randomUUID()}`, { until: "end" });
      await lastValueFrom(
        consumer.pipe(
          tap((event) => {
            void event.metadata;
            if (++seen % 1000 === 0 || seen === count) void event.acknowledge();
          }),
        ),
      );
      if (seen !== count) throw new Error(`Sluice saw ${seen} of ${count} events`);
    });
  },
  "@platformatic/kafka, stream": async (place, { count }, name) => {
    const consumer = new Consumer({
      groupId: `bench-${randomUUID()}`,
      clientId: "bench",
      bootstrapBrokers: place.brokers,
      deserializers: stringDeserializers,
      highWaterMark: 8192,
    });
    let seen = 0;
    const seconds = await secondsOf(async () => {
      const stream = await consumer.consume({ topics: [name], mode: "earliest", autocommit: 1000 });
      for await (const { value } of stream) {
        JSON.parse(value);
        if (++seen === count) break;
      }
    });
    await consumer.close(true);
    return seconds;
  },
  "kafkajs, eachBatch": async (place, { count }, name) => {
    const kafka = newKafkajs(place);
    const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}` });
    await consumer.connect();
    await consumer.subscribe({ topic: name, fromBeginning: true });
    let seen = 0;
    const seconds = await secondsOf(
      () =>
        new Promise<void>((resolve, reject) => {
          consumer
            .run({
              eachBatch: async ({ batch }) => {
                for (const { value } of batch.messages) JSON.parse(value!.toString());
                if ((seen += batch.messages.length) >= count) resolve();
              },
            })
            .catch(reject);
        }),
    );
    await consumer.disconnect();
    return seconds;
  },
};
