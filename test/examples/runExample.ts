import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/run.ts";

/** What an example has printed and how it has ended. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How an example is run. */
export interface RunOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Called with what was printed so far, each time that something is; may send a signal. */
  readonly watch?: (printed: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs an example in a process of its own, as `npm start` does, and waits for its end. */
export function runExample(name: string, { args = [], cwd = root, watch }: RunOptions = {}): Promise<Ending> {
  const file = join(root, "examples", name);
  const { SLUICE_URL: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=sluice-source", file, ...args], {
      cwd,
      env: { ...env, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const printed = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed.stdout += text;
      watch?.(printed.stdout, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...printed }));
  });
}
