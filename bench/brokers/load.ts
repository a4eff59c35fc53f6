import kafkajs from "kafkajs";
import type { Driver } from "../../src/index.ts";

/** What is measured: bytes of an event, events of a run, events that a client is given at once where it takes them by hand. */
export interface Load {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  readonly batch: number;
}

/** Where it is measured. */
export interface Place {
  readonly brokers: string[];
  readonly driver: Driver;
}

/** One way to do the work in a topic; it answers with the seconds that its own part took. */
export type Way = (place: Place, load: Load, topic: string) => Promise<number>;

/** kafkajs without its log. */
export function newKafkajs({ brokers }: Place): kafkajs.Kafka {
  return new kafkajs.Kafka({ clientId: "bench", brokers, logLevel: kafkajs.logLevel.NOTHING });
}

/** Metadata of so many bytes, as JSON. */
export function valueOf(bytes: number): string {
  return JSON.stringify({ n: 1, text: "x".repeat(bytes - 17) });
}
