import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap((machine) => [
  `/usr/lib/${machine}/libeatmydata.so`,
  `/usr/lib/${machine}/libeatmydata.so.1`,
]);

/** What the machine has of what the tests need. */
export interface Prepared {
  /** Why no disk can be made; undefined when all is well. */
  readonly missing: string | undefined;
  readonly eatMyData: { readonly library: string | undefined; readonly missing: string | undefined };
}

/** Looks for what is needed, and installs it where that is allowed. */
export async function prepare(): Promise<Prepared> {
  if (process.platform !== "linux") return without("it takes Linux");
  if (process.getuid?.() !== 0) return without("it takes root, to mount a disk");
  for (const [tool, contents] of [
    ["mkfs.ext4", "e2fsprogs"],
    ["mkfs.xfs", "xfsprogs"],
    ["xfs_io", "xfsprogs"],
  ] as const) {
    if (!(await isThere(tool))) await install(contents);
    if (!(await isThere(tool))) return without(`${tool} is not there and could not be installed`);
  }
  if (!existsSync("/dev/loop-control")) return without("there are no loop devices");
  if (libraryPath() === undefined) await install("eatmydata");
  const library = libraryPath();
  return {
    missing: undefined,
    eatMyData: { library, missing: library === undefined ? "eatmydata could not be installed" : undefined },
  };
}

function without(missing: string): Prepared {
  return { missing, eatMyData: { library: undefined, missing } };
}

function libraryPath(): string | undefined {
  return libraries.find((path) => existsSync(path));
}

async function isThere(tool: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${tool}`]).then(
    () => true,
    () => false,
  );
}

async function install(name: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: readonly string[]) => run("apt-get", ["-qq", "-y", ...args, name], { env, timeout: 120_000 });
  try {
    await apt("install").catch(async () => {
      await run("apt-get", ["-qq", "update"], { env, timeout: 120_000 });
      await apt("install");
    });
  } catch {
    // Whoever asked looks whether it is there.
  }
}
