// Plants bugs, one after the other, in a copy of the tree, and says which test finds each: `npm run mutants [-- words of a name]`.
// `2/3` among the words takes every third of them, from the second on.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { PlantedBug } from "./plantedBug.ts";
import { plantedBugs } from "./plantedBugs.ts";

/** Copies of the tree in which bugs are tried at the same time. */
const copies = 2;
/** A test that does not end has found the bug as well. */
const patience = 300_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const left = new Set(["node_modules", "dist", ".git", "docs", "coverage"]); // What no test of these reads.

/** What became of a planted bug. */
interface Verdict {
  readonly name: string;
  readonly verdict: "found" | "SURVIVED" | "DOES NOT APPLY";
  readonly by: string;
  readonly seconds: number;
}

const wanted = process.argv.slice(2);
const [part = 1, parts = 1] =
  wanted
    .find((word) => /^\d+\/\d+$/.test(word))
    ?.split("/")
    .map(Number) ?? [];
const words = wanted.filter((word) => !/^\d+\/\d+$/.test(word));
const bugs = plantedBugs
  .filter(({ name, file }) => words.every((word) => `${name} ${file}`.includes(word)))
  .filter((_, i) => i % parts === part - 1);
const names = plantedBugs.map(({ name }) => name);
const waiting = [...bugs];
const verdicts: Verdict[] = [];
const directories = await Promise.all(Array.from({ length: copies }, copyTree));
try {
  const broken = await failingTest(directories[0]!, [...new Set(bugs.flatMap(({ tests }) => tests))]);
  if (broken !== undefined) throw new Error(`Without a planted bug this fails: ${broken}`);
  await Promise.all(directories.map(work));
} finally {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
}
verdicts.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
console.table(verdicts);
const failed = verdicts.filter(({ verdict }) => verdict !== "found").length;
console.log(`${verdicts.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 || verdicts.length === 0 ? 1 : 0;

async function work(directory: string): Promise<void> {
  for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
    const verdict = await tryBug(directory, bug);
    console.log(`${verdict.verdict}: ${verdict.name}${verdict.by === "" ? "" : `, by ${verdict.by}`}`);
    verdicts.push(verdict);
  }
}

async function tryBug(directory: string, { name, file, find, replace, tests }: PlantedBug): Promise<Verdict> {
  const path = join(directory, file);
  const sound = await readFile(path, "utf8").catch(() => "");
  if (sound.split(find).length !== 2) return { name, verdict: "DOES NOT APPLY", by: file, seconds: 0 };
  const start = performance.now();
  await writeFile(
    path,
    sound.replace(find, () => replace),
  );
  try {
    for (const test of tests) {
      const by = await failingTest(directory, [test]);
      const seconds = Math.round((performance.now() - start) / 1000);
      if (by !== undefined) return { name, verdict: "found", by, seconds };
    }
  } finally {
    await writeFile(path, sound);
  }
  return { name, verdict: "SURVIVED", by: "", seconds: Math.round((performance.now() - start) / 1000) };
}

/** The title of the first test that fails; undefined when none does. */
async function failingTest(directory: string, tests: readonly string[]): Promise<string | undefined> {
  const args = ["--conditions=sluice-source", join("node_modules", ".bin", "ava"), "--tap", "--fail-fast", ...tests];
  const child = spawn(process.execPath, args, { cwd: directory, detached: true, stdio: ["ignore", "pipe", "ignore"] });
  // The whole group: processes that a test has started outlive a runner that is killed.
  const killAll = () => void (child.pid !== undefined && process.kill(-child.pid, "SIGKILL"));
  const impatience = setTimeout(killAll, patience);
  const printed = text(child.stdout);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(impatience);
  try {
    killAll();
  } catch {
    // Nobody was left.
  }
  const output = await printed;
  if (code === 0) return undefined;
  return /^not ok \d+ - (.*)$/m.exec(output)?.[1] ?? (output.trim().slice(-300) || "it does not end, or crashes");
}

async function copyTree(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-mutants-"));
  for (const name of await readdir(root)) {
    if (!left.has(name)) await cp(join(root, name), join(directory, name), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  return directory;
}
