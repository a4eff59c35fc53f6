import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mock } from "node:test";
import test, { type ExecutionContext } from "ava";
import { watchReader } from "../../cli/watchReader.ts";
import { temporaryFolder } from "./runCommand.ts";

test.before(() => mock.timers.enable({ apis: ["setInterval"] }));
test.after.always(() => mock.timers.reset());

const pipe = "pipe:[7]";

/** What Linux shows of a process that writes to a pipe, and of another one that reads from it. */
async function shownProcesses(t: ExecutionContext) {
  const proc = await temporaryFolder(t);
  await mkdir(join(proc, "self", "fd"), { recursive: true });
  await symlink(pipe, join(proc, "self", "fd", "1"));
  const reader = async (id: number) => {
    const shown = join(proc, String(id));
    await mkdir(join(shown, "fd"), { recursive: true });
    await mkdir(join(shown, "fdinfo"));
    await symlink(pipe, join(shown, "fd", "0"));
    await writeFile(join(shown, "fdinfo", "0"), "pos:\t0\nflags:\t0100000\n");
    return shown;
  };
  return { proc, reader };
}

/** Watches the reader, and tells how often it was gone. */
function watched(proc: string) {
  const told = { gone: 0 };
  watchReader(1, () => told.gone++, proc);
  return told;
}

/** As long as many looks take. */
const pass = () => mock.timers.tick(10_000);

test.serial("a reader that ends is gone, once", async (t) => {
  const { proc, reader } = await shownProcesses(t);
  const shown = await reader(1_000_001);
  const told = watched(proc);
  pass();
  t.is(told.gone, 0);
  await rm(shown, { recursive: true });
  pass();
  t.is(told.gone, 1);
});

test.serial("a reader that has handed the pipe on is not gone until the other one is", async (t) => {
  const { proc, reader } = await shownProcesses(t);
  const first = await reader(1_000_001);
  const told = watched(proc);
  const second = await reader(1_000_002);
  await rm(first, { recursive: true });
  pass();
  t.is(told.gone, 0);
  await rm(second, { recursive: true });
  pass();
  t.is(told.gone, 1);
});

test.serial(
  "a reader that is not to be looked at any more, as it goes on as another user, does not count as gone",
  async (t) => {
    const { proc, reader } = await shownProcesses(t);
    const shown = await reader(1_000_001);
    const told = watched(proc);
    // A folder that is none cannot be looked into, whoever runs this; a test of root's may look into every real one.
    await rm(join(shown, "fd"), { recursive: true });
    await writeFile(join(shown, "fd"), "");
    pass();
    t.is(told.gone, 0);
    await rm(shown, { recursive: true });
    pass();
    t.is(told.gone, 0, "nobody knows who has the pipe now");
  },
);
