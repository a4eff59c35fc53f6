import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const environment = fileURLToPath(new URL("../../../.cache/hop/", import.meta.url));
const script = fileURLToPath(new URL("publish_and_read.py", import.meta.url));
/** six and python-dateutil are what hop-client uses and does not ask for. */
const packages = ["hop-client==0.13.0", "six", "python-dateutil"];

let installed: Promise<string> | undefined;

/** The Python of a virtual environment that has hop-client, which comes from PyPI once. */
async function python(): Promise<string> {
  const executable = join(environment, "bin", "python");
  const isThere = await run(executable, ["-c", "import hop"]).then(
    () => true,
    () => false,
  );
  if (isThere) return executable;
  await mkdir(environment, { recursive: true });
  await run("python3", ["-m", "venv", environment]);
  await access(executable);
  await run(executable, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  return executable;
}

/** Runs publish_and_read.py and gives the lines that it printed, as JSON. */
export async function hopClient(command: "write" | "read", broker: string, topic: string): Promise<unknown[]> {
  const { stdout } = await run(await (installed ??= python()), [script, command, broker, topic]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}
