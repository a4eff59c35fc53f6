import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Where Chromium is: `SLUICE_CHROMIUM`, or where systems put it. Where it is missing and this process may install packages, it is
 * installed.
 *
 * @returns Undefined when there is none.
 */
export function findChromium(): string | undefined {
  const known = [process.env["SLUICE_CHROMIUM"] ?? "", ...places].find((path) => path !== "" && existsSync(path));
  if (known !== undefined) return known;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return undefined;
  try {
    execFileSync("apt-get", ["install", "--yes", "--no-install-recommends", "chromium"], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return places.find((path) => existsSync(path));
}
