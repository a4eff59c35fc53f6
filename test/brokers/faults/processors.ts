import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";
import type { Happening } from "../../kafka/checkHistory.ts";
import { pause } from "./workload.ts";

/** A process that turns events of one topic into events of another, each exactly once. */
export interface Processor {
  /** Is killed. */
  die(): Promise<void>;
  /** Does not run for so many milliseconds. */
  stall(milliseconds: number): Promise<void>;
}

/** Processors of one workload. */
export interface Processors {
  /** How many events the transactions have stored whose answers came. */
  readonly stored: number;
  /** How many processors have ended although nobody killed them. */
  readonly failed: number;
  start(): Processor;
  /** Kills all that there are. */
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("processor.ts", import.meta.url));

/** What processors say that they have stored goes into the history. */
export function processors(
  brokers: string,
  source: string,
  target: string,
  options: KafkaConnectOptions,
  history: Happening[],
): Processors {
  const args = ["--conditions=sluice-source", program, brokers, source, target, JSON.stringify(options)];
  const running = new Set<Processor>();
  let [stored, failed] = [0, 0];
  const start = (): Processor => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
    lines.on("line", (line) => {
      const match = /^(\d+) (\d+) (\d+)$/.exec(line);
      if (match === null) return; // It was killed in the middle of a line.
      const [partition, id, value] = match.slice(1).map(Number) as [number, number, number];
      history.push({ kind: "stored", partition, id, value });
      stored++;
    });
    child.on("exit", (code) => {
      if (code !== null) failed++;
    });
    const processor: Processor = {
      die: async () => {
        running.delete(processor);
        child.kill("SIGKILL");
        await ended;
      },
      stall: async (milliseconds) => {
        child.kill("SIGSTOP");
        await pause(milliseconds);
        child.kill("SIGCONT");
      },
    };
    running.add(processor);
    return processor;
  };
  return {
    get stored() {
      return stored;
    },
    get failed() {
      return failed;
    },
    start,
    stop: async () => void (await Promise.all([...running].map((each) => each.die()))),
  };
}
