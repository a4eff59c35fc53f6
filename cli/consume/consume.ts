import { randomUUID } from "node:crypto";
import { acceptAll, roundRobin, type Consumer, type StreamEvent } from "sluice";
import type { Invocation } from "../invocation.ts";
import { acknowledgeMode } from "./acknowledgeMode.ts";
import { eventRecord } from "./eventRecord.ts";
import { parseSelection } from "./parseSelection.ts";
import { parseStart, parseUntil } from "./parseStart.ts";
import { printEvents } from "./printEvents.ts";
import { saveData, type SaveData } from "./saveData.ts";

/** The flags of `sluice consume`. */
export interface ConsumeFlags {
  /** The consumer's name. */
  readonly name?: string | undefined;
  /** Where to start. */
  readonly from: string;
  /** When to end. */
  readonly until?: string | undefined;
  /** How many events to print. */
  readonly count?: number | undefined;
  /** The partitions to read. */
  readonly partition?: readonly number[] | undefined;
  /** The data to bring. */
  readonly select?: string | undefined;
  /** Where data is saved. */
  readonly saveData?: string | undefined;
  /** When events are acknowledged. */
  readonly acknowledge: string;
  /** What is printed of an event. */
  readonly output: "event" | "metadata";
  /** What becomes of an event that cannot be read. */
  readonly undecodable: "fail" | "skip";
}

/** Prints events as JSON lines. */
export async function consume(invocation: Invocation, flags: ConsumeFlags, topicName = ""): Promise<void> {
  invocation.stopWhenUnread();
  const { cwd } = invocation.terminal;
  const acknowledger = acknowledgeMode(flags.acknowledge);
  const startFrom = parseStart(flags.from, Date.now());
  const until = flags.until === undefined ? undefined : parseUntil(flags.until);
  const dataSelector = await parseSelection(flags.select ?? (flags.saveData === undefined ? "none" : "all"), cwd);
  const save = flags.saveData === undefined ? undefined : await saveData(flags.saveData, cwd);
  const driver = await (flags.acknowledge === "never" ? invocation.connectToRead() : invocation.connect());
  // What a consumer needs of the topic's components is the serializer; the others may be of a kind that is not here.
  const topic = await driver.openTopic(topicName, { validator: acceptAll(), partitionSelector: roundRobin() });
  // Consumers of one name share the partitions: two commands that only look must not have the same.
  const name = flags.name ?? `cli-${randomUUID()}`;
  const consumer = topic.consumer(name, {
    startFrom,
    until,
    dataSelector,
    partitions: flags.partition,
    undecodable: flags.undecodable,
  });
  invocation.stopOnSignal();
  await print(consumer, { invocation, flags, save, acknowledger });
}

async function print(
  consumer: Consumer,
  {
    invocation,
    flags,
    save,
    acknowledger,
  }: {
    readonly invocation: Invocation;
    readonly flags: ConsumeFlags;
    readonly save: SaveData | undefined;
    readonly acknowledger: ReturnType<typeof acknowledgeMode>;
  },
): Promise<void> {
  const lineOf = async (event: StreamEvent) => {
    const file = await save?.(event);
    return JSON.stringify(flags.output === "metadata" ? event.metadata : eventRecord(event, file));
  };
  await printEvents(consumer, {
    lineOf,
    write: (text) => invocation.output.write(text),
    written: (event) => acknowledger.written(event),
    end: () => acknowledger.end(),
    count: flags.count,
    stopping: invocation.stopping,
  });
}
