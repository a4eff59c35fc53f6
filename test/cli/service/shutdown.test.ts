import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { memoryBackend } from "../../../backends/memory/index.ts";
import { serve } from "../../../backends/service/server/index.ts";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { runCommand, temporaryFolder } from "../runCommand.ts";

/** A process that does nothing until it is told to end. */
async function idleProcess(t: ExecutionContext) {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  return { pid: child.pid!, ended: once(child, "exit"), child };
}

/** An address at which nobody is. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `sluice://127.0.0.1:${port}`;
}

/** A folder with the group file of several processes, one at each address, that another one looks after. */
async function groupOf(t: ExecutionContext, supervisor: number, addresses: readonly string[]): Promise<string> {
  const cwd = await temporaryFolder(t);
  const host = hostname();
  const members = addresses.map((address, rank) => ({ rank, addresses: [address], pid: supervisor, host }));
  const group = { sluice: 1, supervisor: { pid: supervisor, host }, members };
  await writeFile(join(cwd, "sluice.json"), JSON.stringify(group));
  return cwd;
}

test("a service of several processes is stopped while the first of them is down", async (t) => {
  const service = await serve({ backend: memoryBackend(), listeners: [{ tcp: { port: 0 } }] });
  t.teardown(() => service.close({ deadline: 0 }));
  const supervisor = await idleProcess(t);
  const cwd = await groupOf(t, supervisor.pid, [await deadAddress(), service.addresses[0]!]);
  const { code, stdout, stderr } = await runCommand(["shutdown", "--json"], { cwd });
  t.is(code, 0, stderr);
  t.deepEqual(JSON.parse(stdout), { stopped: [0, 1] });
  t.deepEqual(await supervisor.ended, [null, "SIGTERM"]);
});

test("a process is left alone when none of the service answers: its number may be somebody else's", async (t) => {
  const stranger = await idleProcess(t);
  const cwd = await groupOf(t, stranger.pid, [await deadAddress(), await deadAddress()]);
  const { code, stderr } = await runCommand(["shutdown"], { cwd });
  t.is(code, exitCodes.notFound);
  t.regex(stderr, /is not running/);
  t.is(stranger.child.exitCode ?? stranger.child.signalCode, null);
});
