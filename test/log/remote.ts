import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process of its own that writes to a log as it is told. */
export interface Remote {
  readonly pid: number;
  /** Has it do something, and waits until that is done. Rejects when it failed there. */
  tell(...command: readonly [string, string, ...unknown[]]): Promise<void>;
  /** Lets it close the log in good order, and waits for its end. */
  close(): Promise<void>;
  /** Ends it at once, and waits for that. */
  kill(): Promise<void>;
}

/** Starts a writer. What it can be told stands in remoteWriter.ts. */
export async function startWriter(
  t: { teardown(fn: () => void): void },
  directory: string,
  options: object = {},
): Promise<Remote> {
  const program = fileURLToPath(new URL("remoteWriter.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=sluice-source", program, directory, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.teardown(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const tell = async (...command: readonly [string, string, ...unknown[]]) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error("The writer has ended");
    const answer = JSON.parse(value) as { error?: string } | null;
    if (answer?.error !== undefined) throw new Error(answer.error);
  };
  await tell("nothing", "");
  return {
    pid: child.pid!,
    tell,
    close: async () => {
      child.stdin.end();
      await exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A directory of its own for a test, which is removed after it. */
export async function testDirectory(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-log-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
