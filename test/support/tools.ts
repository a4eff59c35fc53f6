import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whether a command is there. It is installed where it is not, and where that is allowed: on Debian, by root. */
export async function hasTool(command: string, packageName: string): Promise<boolean> {
  if (await isThere(command)) return true;
  await install(packageName);
  return isThere(command);
}

/** Installs a package of Debian. Whoever asked looks whether it is there. */
export async function install(packageName: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: readonly string[]) => run("apt-get", ["-qq", "-y", ...args], { env, timeout: 120_000 });
  try {
    await apt("install", packageName).catch(async () => {
      await apt("update");
      await apt("install", packageName);
    });
  } catch {
    // No apt, no right or no network.
  }
}

function isThere(command: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${command}`]).then(
    () => true,
    () => false,
  );
}
