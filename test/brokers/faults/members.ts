import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";
import type { Happening } from "../../kafka/checkHistory.ts";
import { pause } from "./workload.ts";

/** What can happen to a member of a group. */
export const incidents = ["join", "leave", "stall", "die"] as const;

/** Members that live in one process: one at first. */
export interface Member {
  /** How many events it has been given. */
  readonly delivered: number;
  /** Joins the group once more, beside what it is already. */
  join(): void;
  /** Leaves the group where it joined first. */
  leave(): void;
  /** Does not run for so many milliseconds. */
  stall(milliseconds: number): Promise<void>;
  /** Is killed. */
  die(): Promise<void>;
  /** Leaves the group everywhere and ends. */
  end(): Promise<void>;
}

/** Something that was seen, and when: the clock is the one that all processes of the machine share. */
export interface Seen {
  readonly at: bigint;
  readonly happening: Happening;
}

const program = fileURLToPath(new URL("member.ts", import.meta.url));

/** Starts a member. What it sees goes into `seen`. */
export function startMember(
  brokers: string,
  topic: string,
  consumer: string,
  options: KafkaConnectOptions,
  seen: Seen[],
): Member {
  const args = ["--conditions=sluice-source", program, brokers, topic, consumer, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined); // It may be gone.
  const lines = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  let delivered = 0;
  lines.on("line", (line) => {
    const happening = happeningOf(line);
    if (happening === undefined) return; // It was killed in the middle of a line.
    if (happening.happening.kind === "polled") delivered++;
    seen.push(happening);
  });
  return {
    get delivered() {
      return delivered;
    },
    join: () => void child.stdin.write("join\n"),
    leave: () => void child.stdin.write("leave\n"),
    stall: async (milliseconds) => {
      child.kill("SIGSTOP");
      await pause(milliseconds);
      child.kill("SIGCONT");
    },
    die: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function happeningOf(line: string): Seen | undefined {
  const match = /^([pa]) (\d+) (\S+) (\d+) (\d+)(?: (\d+))?$/.exec(line);
  if (match === null) return undefined;
  const [, what, at, session, partition, id, value] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  const about = { session, partition: Number(partition), id: Number(id) };
  if (what === "a") return { at: BigInt(at), happening: { kind: "acknowledged", ...about } };
  return value === undefined
    ? undefined
    : { at: BigInt(at), happening: { kind: "polled", ...about, value: Number(value) } };
}
