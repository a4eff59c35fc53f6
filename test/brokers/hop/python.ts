import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A Python that has hop-client: the one that `SLUICE_HOP_PYTHON` names, or one in a virtual environment that is made with
 * it from PyPI. Undefined where that cannot be had.
 */
export async function hopPython(): Promise<string | undefined> {
  const given = process.env["SLUICE_HOP_PYTHON"];
  const directory = join(tmpdir(), "sluice-hop-client");
  const python = given ?? join(directory, "bin", "python");
  if (await hasHop(python)) return python;
  if (given !== undefined) return undefined;
  try {
    await run("python3", ["-m", "venv", directory]);
    await run(python, ["-m", "pip", "install", "--quiet", "hop-client==0.13.0", "six"]); // It needs six and does not say so.
  } catch {
    return undefined;
  }
  return (await hasHop(python)) ? python : undefined;
}

async function hasHop(python: string): Promise<boolean> {
  return run(python, ["-c", "import hop.robust_publisher"]).then(
    () => true,
    () => false,
  );
}
