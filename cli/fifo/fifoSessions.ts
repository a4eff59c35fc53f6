import { basename, resolve } from "node:path";
import { acceptAll, roundRobin, type Driver, type StreamEvent } from "sluice";
import { checkKeys } from "../checkKeys.ts";
import { CommandError } from "../commandError.ts";
import { acknowledgeMode } from "../consume/acknowledgeMode.ts";
import { parseStart } from "../consume/parseStart.ts";
import { printEvents } from "../consume/printEvents.ts";
import type { LineFormat } from "../produce/parseEvent.ts";
import { produceLines } from "../produce/produceLines.ts";
import { readLines } from "../produce/readLines.ts";
import { untilStopped } from "../produce/untilStopped.ts";
import type { ControlCommand } from "./controlLine.ts";
import { makeNamedPipe, openForReading, openForWriting } from "./namedPipe.ts";

/** What a session of a FIFO needs. */
export interface FifoHost {
  /** Where the topics are. */
  readonly driver: Driver;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** Ends every session, once what it has read is stored. */
  readonly stopping: AbortSignal;
  /** Told of what is wrong, while the session goes on. */
  readonly warn: (text: string) => void;
}

const maxLine = 16 * 1024 * 1024;

/**
 * Does what a line of a control file asks for, until it is asked to stop.
 *
 * @returns A promise that resolves when everything is stored and the FIFO is gone, if it was made here.
 */
export async function runSession(command: ControlCommand, host: FifoHost): Promise<void> {
  const path = resolve(host.cwd, command.path);
  const removePipe = await makeNamedPipe(path);
  try {
    await (command.kind === "produce" ? produceSession : consumeSession)({ ...command, path }, host);
  } finally {
    await removePipe();
  }
}

/** Lines that are written into the FIFO become events. */
async function produceSession({ path, topic: name, options }: ControlCommand, host: FifoHost): Promise<void> {
  checkKeys(`the options of ${path}`, options, ["format", "batch_size", "name", "partition"]);
  const topic = await host.driver.openTopic(name);
  const batchSize = numberOf(options, "batch_size", 1);
  const producer = topic.producer({ name: options["name"], batchSize: batchSize ?? "adaptive" });
  const socket = await openForReading(path);
  const lines = readLines(untilStopped(socket, host.stopping), { source: path, maxBytes: maxLine });
  await produceLines(producer, lines, {
    format: formatOf(options),
    partition: numberOf(options, "partition", 0),
    rejected: ({ line, error }) => {
      host.warn(`${path}:${line.number}: ${(error as Error).message}`);
      return "go on";
    },
  });
  await producer.close();
}

/** Events become lines of the FIFO, for one reader after the other. */
async function consumeSession({ path, topic: name, options }: ControlCommand, host: FifoHost): Promise<void> {
  checkKeys(`the options of ${path}`, options, ["format", "batch_size", "name", "from"]);
  const topic = await host.driver.openTopic(name, { validator: acceptAll(), partitionSelector: roundRobin() });
  const consumerName = options["name"] ?? `fifo-${basename(path).replaceAll(/[^A-Za-z0-9._-]/g, "_")}`;
  const isJson = formatOf(options) === "json";
  while (!host.stopping.aborted) {
    const socket = await openForWriting(path, host.stopping);
    if (socket === undefined) return;
    const readerGone = new AbortController();
    socket.on("error", () => readerGone.abort()).on("close", () => readerGone.abort());
    const consumer = topic.consumer(consumerName, {
      batchSize: numberOf(options, "batch_size", 1),
      startFrom: parseStart(options["from"] ?? "earliest", Date.now()),
      undecodable: "skip",
    });
    const acknowledger = acknowledgeMode("each");
    try {
      await printEvents(consumer, {
        lineOf: (event) => lineOf(event, isJson),
        write: (text) => new Promise((done) => void socket.write(text, (error) => done(!error))),
        written: (event) => acknowledger.written(event),
        end: () => acknowledger.end(),
        stopping: AbortSignal.any([host.stopping, readerGone.signal]),
      });
    } finally {
      socket.destroy();
      await consumer.close({ deadline: 0 }).catch(() => {});
    }
  }
}

/** A string stands as it is where lines are raw, unless it would be more than one of them. */
function lineOf({ metadata }: StreamEvent, isJson: boolean): string {
  if (!isJson && typeof metadata === "string" && !/[\r\n]/.test(metadata)) return metadata;
  return JSON.stringify(metadata);
}

function formatOf({ format = "raw" }: ControlCommand["options"]): LineFormat {
  if (format === "raw" || format === "json") return format;
  throw new CommandError(`format must be raw or json: it is "${format}"`);
}

function numberOf(options: ControlCommand["options"], key: string, min: number): number | undefined {
  const text = options[key];
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= min) return Number(text);
  throw new CommandError(`${key} must be a whole number of at least ${min}: it is "${text}"`);
}
