import { appendFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Producer } from "sluice";
import { exitCodes } from "../exitCodes.ts";
import type { Invocation } from "../invocation.ts";
import { printable } from "../printable.ts";
import { progressBar } from "../progressBar.ts";
import { formatBytes, formatCount, plural } from "../units.ts";
import { dataFiles, type DataFileOptions } from "./dataFiles.ts";
import type { LineFormat } from "./parseEvent.ts";
import { produceLines, type ProduceCounts, type RejectedLine } from "./produceLines.ts";
import { readInputs } from "./readInputs.ts";

/** The flags of `sluice produce`. */
export interface ProduceFlags extends DataFileOptions {
  /** What a line is. */
  readonly format: LineFormat;
  /** The partition of events that ask for none. */
  readonly partition?: number | undefined;
  /** `fail`, `skip` or a file. */
  readonly onRejected: string;
  /** The producer's name. */
  readonly name?: string | undefined;
  /** Events of a batch. */
  readonly batchSize: number | "adaptive";
  /** The longest line, in bytes. */
  readonly maxLine: number;
  /** Whether each event that is stored is printed. */
  readonly receipts?: boolean | undefined;
  /** Whether nothing is said about what is going on. */
  readonly quiet?: boolean | undefined;
}

/** Stores lines as events. */
export async function produce(invocation: Invocation, flags: ProduceFlags, ...given: unknown[]): Promise<number> {
  const [name, files] = given as [string, string[]];
  const { terminal, output, stopping } = invocation;
  const addData = await dataFiles(flags, terminal.cwd);
  const inputs = await readInputs(files, terminal, { maxLine: flags.maxLine, stopping });
  const driver = await invocation.connect();
  const topic = await driver.openTopic(name);
  const producer = topic.producer({ name: flags.name, batchSize: flags.batchSize });
  if (flags.receipts === true) printReceipts(producer, invocation);
  invocation.stopOnSignal();

  const began = performance.now();
  const rejections = new Rejections(invocation, flags.onRejected);
  let counts: ProduceCounts = { read: 0, stored: 0, rejected: 0 };
  const isQuiet = flags.quiet === true || output.isJson;
  const clear = isQuiet
    ? () => {}
    : progressBar(terminal, () => ({
        part: inputs.size === undefined || inputs.size === 0 ? undefined : inputs.read() / inputs.size,
        text: `${formatCount(counts.stored)} stored, ${formatCount(rateOf(counts, began))}/s, ${formatBytes(inputs.read())} read`,
      }));
  try {
    counts = await produceLines(producer, inputs.lines, {
      format: flags.format,
      partition: flags.partition,
      addData,
      rejected: (rejected) => rejections.take(rejected),
      progress: (now) => void (counts = now),
    });
  } finally {
    clear();
    await rejections.written;
  }
  const seconds = (performance.now() - began) / 1000;
  const summary = { topic: name, ...counts, bytes: inputs.read(), seconds };
  if (output.isJson) output.line(JSON.stringify(summary));
  else if (!isQuiet) output.note(summaryText(name, counts, seconds));
  if (rejections.hasFailed) return exitCodes.rejected;
  if (invocation.signal === undefined) return exitCodes.ok;
  return invocation.signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}

function printReceipts(producer: Producer, { output }: Invocation): void {
  producer.receipts.subscribe({
    next: (receipt) => output.line(JSON.stringify(receipt)),
    error: () => {}, // It is reported by who pushed.
  });
}

function rateOf({ stored }: ProduceCounts, began: number): number {
  return stored / Math.max(0.001, (performance.now() - began) / 1000);
}

function summaryText(name: string, { stored, rejected }: ProduceCounts, seconds: number): string {
  const rejections = rejected === 0 ? "" : `, ${plural(rejected, "line")} rejected`;
  return `Stored ${plural(stored, "event")} in ${name} in ${seconds.toFixed(2)} s${rejections}.`;
}

/** How many rejected lines are shown; the others are counted. */
const shownRejections = 20;

/** What becomes of lines that are no events. */
class Rejections {
  /** Whether one has ended the command. */
  hasFailed = false;
  /** Resolves when those that go to a file are there. */
  written: Promise<void> = Promise.resolve();
  readonly #invocation: Invocation;
  readonly #policy: string;
  #count = 0;

  constructor(invocation: Invocation, policy: string) {
    this.#invocation = invocation;
    this.#policy = policy;
  }

  take({ line, error }: RejectedLine): "go on" | "stop" {
    this.#say(`${line.source === "-" ? "stdin" : printable(line.source)}:${line.number}: ${(error as Error).message}`);
    if (this.#policy === "fail") {
      this.hasFailed = true;
      return "stop";
    }
    if (this.#policy !== "skip") {
      const path = resolve(this.#invocation.terminal.cwd, this.#policy);
      const bytes = Buffer.concat([line.bytes, Buffer.from("\n")]);
      this.written = this.written.then(() => appendFile(path, bytes));
      this.written.catch(() => {}); // It is awaited at the end.
    }
    return "go on";
  }

  #say(text: string): void {
    this.#count++;
    if (this.#count <= shownRejections) this.#invocation.output.warn(text);
    if (this.#count === shownRejections + 1) this.#invocation.output.warn("Further rejected lines are only counted.");
  }
}
