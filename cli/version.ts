import { readFileSync } from "node:fs";

/** The version of the package. It is read from package.json, one folder up from the sources and two up from what is built. */
export const version = readVersion(["../package.json", "../../package.json"]);

function readVersion(paths: readonly string[]): string {
  for (const path of paths) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Record<string, unknown>;
      if (manifest["name"] === "sluice") return String(manifest["version"]);
    } catch {
      // The other one, then.
    }
  }
  return "unknown";
}
