import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { from, lastValueFrom } from "rxjs";
import { logBackend, logCapabilities } from "../../backends/log/index.ts";
import { memoryBackend, memoryCapabilities } from "../../backends/memory/index.ts";
import { serve, type Listener } from "../../backends/service/server/index.ts";
import { ranksInProcess } from "../service/ranksInProcess.ts";
import { conformance, type BackendUnderTest } from "../conformance/index.ts";
import type { Backend, Capabilities } from "../../src/index.ts";

/** A listener of each kind, at a place that is free. */
const listeners: Readonly<Record<string, (folder: string) => Listener>> = {
  TCP: () => ({ tcp: { port: 0 } }),
  Unix: (folder) => ({ unix: { path: join(folder, "socket") } }),
  WebSocket: () => ({ websocket: { port: 0 } }),
};

interface Served {
  readonly capabilities: Capabilities;
  readonly open: (folder: string) => Promise<Backend>;
}

const served: Readonly<Record<string, Served>> = {
  memory: { capabilities: memoryCapabilities, open: async () => memoryBackend() },
  log: { capabilities: logCapabilities, open: (folder) => logBackend(join(folder, "log"), {}) },
};

const runs: readonly (readonly [backend: string, listener: string, partitions: number])[] = [
  ["memory", "TCP", 1],
  ["memory", "WebSocket", 3],
  ["log", "Unix", 2],
];

for (const [backend, listener, partitions] of runs) {
  const { capabilities, open } = served[backend]!;
  conformance({
    test: test.serial, // Hundreds at once in one process keep each other from being answered in time.
    label: `${backend} through ${listener}, ${partitions} partition${partitions === 1 ? "" : "s"}`,
    topic: { partitions },
    capabilities,
    idle: 600, // On a busy machine an answer may take that long.
    backend: () => underTest(open, listeners[listener]!),
  });
}

/** A client may come to any rank. */
const ranked: readonly (readonly [backend: "memory" | "log", rank: number, partitions: number])[] =
  process.env["SLUICE_TIER"] === "soak"
    ? [
        ["memory", 0, 1],
        ["log", 0, 3],
        ["log", 1, 1],
      ]
    : [["memory", 1, 3]];

for (const [backend, rank, partitions] of ranked) {
  conformance({
    test: test.serial,
    label: `${backend} through rank ${rank} of 2, ${partitions} partition${partitions === 1 ? "" : "s"}`,
    topic: { partitions },
    capabilities: { ...served[backend]!.capabilities, exactlyOnce: false },
    idle: 600,
    backend: async () => {
      const folder = await mkdtemp(join(tmpdir(), "sluice-service-"));
      const { addresses, close } = await ranksInProcess(
        { main: backend === "memory" ? { type: "memory" } : { type: "log", path: join(folder, "log") } },
        2,
      );
      return {
        url: addresses[rank]![0]!,
        destroy: async () => {
          await close();
          await rm(folder, { recursive: true, force: true });
        },
      };
    },
  });
}

async function underTest(open: Served["open"], listener: (folder: string) => Listener): Promise<BackendUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-service-"));
  const backend = await open(folder);
  const service = await serve({ backend, listeners: [listener(folder)] });
  return {
    url: service.addresses[0]!,
    destroy: async () => {
      await service.close({ deadline: 0 });
      await lastValueFrom(from(backend.close()), { defaultValue: undefined });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
