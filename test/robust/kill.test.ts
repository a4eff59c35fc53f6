import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { from, lastValueFrom } from "rxjs";
import test from "ava";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { serve, type Service } from "../../backends/service/server/index.ts";
import type { Backend } from "../../src/index.ts";
import { bundle } from "../log/kill/bundle.ts";
import { seed, trials, withoutFailure } from "../log/trials.ts";
import { killCycles, type Target } from "./kill/killCycles.ts";
import { answerFrom } from "./kill/link.ts";

/** How many times a publisher is killed, for each of the backends. */
const cycles = trials({ quick: 6, crash: 40, soak: 700 });

const done = () => Promise.resolve();

/** What a kill of the publisher may reach, and what it may not. */
const targets: Readonly<Record<string, (directory: string) => Target>> = {
  "memory of another process": () => {
    const memory = memoryBackend();
    const attend = (child: ChildProcess) => answerFrom(child, memory);
    return { name: "memory", prepare: done, attend, open: () => Promise.resolve(memory), close: done };
  },
  "log that is killed with it": (directory) => ({
    name: "log",
    prepare: done,
    attend: () => undefined,
    open: () => logBackend(`${directory}/target`, { segmentBytes: 40_000 }),
    close: done,
  }),
  "service of another process, which starts anew each time": (directory) => {
    let service: Service | undefined;
    let backend: Backend | undefined;
    const open = () => logBackend(`${directory}/target`, { segmentBytes: 40_000 });
    const close = async () => {
      await service?.close({ deadline: 0 }); // What was on its way from the last publisher is given up, or still gets there.
      if (backend !== undefined) await lastValueFrom(from(backend.close()), { defaultValue: undefined });
      service = backend = undefined;
    };
    const prepare = async () => {
      await close();
      backend = await open();
      service = await serve({ backend, listeners: [{ unix: { path: `${directory}/socket` } }] });
    };
    return { name: "service", prepare, attend: () => undefined, open, close };
  },
};

for (const [where, targetIn] of Object.entries(targets)) {
  test(`${cycles} times kill -9 of a publisher to the ${where}, with half of the answers lost: accepted is stored, once and in order`, async (t) => {
    t.timeout(8 * 3_600_000);
    const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const program = join(directory, "publisher.mjs");
    await bundle(new URL("kill/publisher.ts", import.meta.url), program);
    const target = targetIn(directory);
    const kill = (child: ChildProcess) => child.kill("SIGKILL");
    const { problems, accepted } = await killCycles({ cycles, seed, directory, program, target, kill });

    t.deepEqual(problems, []);
    t.true(accepted > 0);
    t.log(`${withoutFailure(cycles, "kills")}; ${accepted} events were accepted`);
  });
}
