import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";

/** The metadata of what publishers send. */
export interface Numbered {
  readonly n: number;
  /** The process that published it. */
  readonly run: string;
}

/** A process that publishes numbers from 0 on through a journal, until it is killed. */
export interface Publisher {
  /** The last number that its journal has accepted; -1 when there is none. */
  readonly last: number;
  /** Kills it, and answers with what it had accepted. */
  die(): Promise<string[]>;
}

const program = fileURLToPath(new URL("publisher.ts", import.meta.url));

/** Starts a publisher of a topic, on the journal in a directory. */
export function startPublisher(
  brokers: string,
  topic: string,
  directory: string,
  run: string,
  options: KafkaConnectOptions,
): Publisher {
  const args = ["--conditions=sluice-source", program, brokers, topic, directory, run, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  let last = -1;
  lines.on("line", (line) => {
    last = Math.max(last, Number(/^accepted (\d+)$/.exec(line)?.[1] ?? -1));
  });
  return {
    get last() {
      return last;
    },
    die: async () => {
      child.kill("SIGKILL");
      await ended;
      return Array.from({ length: last + 1 }, (_, n) => `${run} ${n}`);
    },
  };
}
