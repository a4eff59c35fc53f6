import { existsSync } from "node:fs";
import { hasTool, install } from "../support/tools.ts";

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
    if (!(await hasTool(tool, contents))) return without(`${tool} is not there and could not be installed`);
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
