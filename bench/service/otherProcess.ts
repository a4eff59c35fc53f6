import { fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as dial, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A server in a process of its own. */
export interface OtherProcess {
  readonly addresses: readonly string[];
  /** How much memory it has, in bytes, where it says so. */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a service of Sluice, or a bare socket, in a process of its own. */
export async function startHost(kind: "memory" | "log" | "bare"): Promise<OtherProcess> {
  const folder = await newFolder();
  const child = fork(new URL("./host.ts", import.meta.url), [kind, folder], {
    execArgv: ["--conditions=sluice-source", "--expose-gc"],
  });
  const addresses = await nextMessage<string[]>(child);
  return {
    addresses,
    memory: () => {
      const answer = nextMessage<number>(child);
      child.send("memory");
      return answer;
    },
    stop: () => stop(child, folder),
  };
}

/** Starts `sluice serve` of so many ranks, and resolves with its group file as the address. */
export async function startRanks(kind: "memory" | "log", ranks: number): Promise<OtherProcess> {
  const folder = await newFolder();
  const config = {
    ranks,
    backends: { main: kind === "memory" ? { type: "memory" } : { type: "log", path: "./log" } },
    listeners: [{ type: "tcp", port: 0 }],
    log: { level: "error" },
  };
  await writeFile(join(folder, "service.json"), JSON.stringify(config));
  const command = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
  const child = fork(command, ["serve", "-c", join(folder, "service.json")], {
    execArgv: ["--conditions=sluice-source"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  return {
    addresses: [`sluice:${join(folder, "sluice.json")}`],
    memory: () => Promise.resolve(0),
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM"); // It ends its ranks first.
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a consumer that asks for all data of the topic "active", and stops its process once it has begun. */
export async function startStoppedReader(address: string): Promise<() => Promise<void>> {
  const child = fork(new URL("./reader.ts", import.meta.url), [address], { execArgv: ["--conditions=sluice-source"] });
  await nextMessage(child);
  child.kill("SIGSTOP");
  return async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
}

/** Whether a program can be started here. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}

/** Starts a server program on a free port of this machine and waits until it takes connections. */
export async function startProgram(
  program: string,
  args: (port: number, folder: string) => string[],
): Promise<OtherProcess> {
  const folder = await newFolder();
  const port = await freePort();
  const child = spawn(program, args(port, folder), { stdio: "ignore" });
  const end = performance.now() + 10_000;
  while (!(await isListening(port))) if (performance.now() > end) throw new Error(`${program} does not start`);
  return { addresses: [`127.0.0.1:${port}`], memory: () => Promise.resolve(0), stop: () => stop(child, folder) };
}

function newFolder(): Promise<string> {
  return mkdtemp(join(process.env["SLUICE_BENCH_DIRECTORY"] ?? tmpdir(), "sluice-bench-"));
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`The other process has ended with ${code}`)));
  });
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  await rm(folder, { recursive: true, force: true });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => setTimeout(() => resolve(false), 20));
  });
}
