// Builds `dist`, unless it is newer than all that it is made of. npm prepares a clone for each kind of use that it is put to, also
// for the first `npx sluice` in it, and a build takes a while.

import { execSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const sources = ["src", "operators", "backends", "cli", "test/conformance", "package.json", "tsconfig.build.json"];

/** When a file, or anything in a folder, was changed last. A folder is when something in it came or went. */
function changedAt(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path).reduce((last, name) => Math.max(last, changedAt(join(path, name))), mtimeMs);
}

/** The page is what is built last; without it there is no build, or one that was broken off. */
function builtAt(): number {
  return statSync(join(root, "dist", "cli", "page.html"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (builtAt() < Math.max(...sources.map((path) => changedAt(join(root, path))))) {
  execSync("npm run -s build", { cwd: root, stdio: "inherit" });
}
