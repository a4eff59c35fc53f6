import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import type { ExecutionContext } from "ava";
import { runCommandLine } from "../../cli/commandLine.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { root } from "../house/run.ts";

/** The program. */
export const main = join(root, "cli", "main.ts");

/** What a command has left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command finds around itself. */
export interface Surroundings {
  readonly stdin?: string | Readable | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly isTTY?: boolean | undefined;
  /** Told of what the command writes, as it comes. */
  readonly onOutput?: ((text: string) => void) | undefined;
  /** Handed what sends the command a signal. */
  readonly withSignal?: ((send: (signal: "SIGINT" | "SIGTERM") => void) => void) | undefined;
}

/** Runs a command in this process. `memory:name` is a backend that the commands of a test share. */
export async function runCommand(args: readonly string[], around: Surroundings = {}): Promise<Ran> {
  const out = screen(around.isTTY, around.onOutput);
  const err = screen(around.isTTY, around.onOutput);
  const { stdin = "" } = around;
  const handlers = new Set<(signal: "SIGINT" | "SIGTERM") => void>();
  around.withSignal?.((signal) => {
    for (const handler of handlers) handler(signal);
  });
  const terminal: Terminal = {
    stdin: typeof stdin === "string" ? Readable.from([Buffer.from(stdin)]) : stdin,
    stdout: out.stream,
    stderr: err.stream,
    env: around.env ?? {},
    cwd: around.cwd ?? process.cwd(),
    onSignal(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
  };
  const code = await runCommandLine(args, terminal);
  return { code, stdout: out.text(), stderr: err.text() };
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A command in a process of its own. */
export function startProcess(args: readonly string[], cwd: string) {
  const env = { ...process.env, SLUICE_DRIVER: "log:./data", NODE_OPTIONS: "" };
  const child = spawn(process.execPath, ["--conditions=sluice-source", main, ...args], { cwd, env });
  let stdout = "";
  let stderr = "";
  const seen: (() => void)[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const check of seen) check();
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    child,
    /** What it has written to stderr so far. */
    text: () => stderr,
    /** Resolves when stdout has a text. */
    said: (text: string) =>
      new Promise<void>((resolve) => {
        const check = () => stdout.includes(text) && resolve();
        seen.push(check);
        check();
      }),
    ended: new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
      child.on("close", (code) => resolve({ code, stdout, stderr })),
    ),
  };
}

let backends = 0;

/** Runs commands on one backend in memory, which nobody else has. */
export function onMemory(): (line: string, around?: Surroundings) => Promise<Ran> {
  const driver = `memory:cli-${process.pid}-${backends++}`;
  return (line, around) => runCommand([...line.split(" "), "--driver", driver], around);
}

function screen(isTTY: boolean | undefined, onOutput: ((text: string) => void) | undefined) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    onOutput?.(chunk.toString());
  });
  return { stream, text: () => text };
}
