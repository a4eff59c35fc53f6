import { fork } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { root, run } from "../../house/run.ts";
import { expectationsOf, isAsExpected, type Expectation } from "./expected.ts";
import type { Extract, Sample } from "./extract.ts";
import type { FromRunner, Outcome, Printed, ToRunner } from "./runMessages.ts";

/** How samples are checked. */
export interface CheckOptions {
  /** Milliseconds that one sample may take. @default 10000 */
  readonly deadline?: number;
}

interface Laid {
  readonly sample: Sample;
  readonly file: string;
  readonly url: string;
}

/**
 * Type-checks and runs what documents show.
 *
 * @returns The problems of each document, by its path. Each begins with the path and the line.
 */
export async function checkSamples(
  extracts: readonly Extract[],
  { deadline = 10_000 }: CheckOptions = {},
): Promise<Map<string, string[]>> {
  const problems = new Map(extracts.map(({ path, problems: known }) => [path, [...known]]));
  const folder = await mkdtemp(join(tmpdir(), "sluice-docs-"));
  try {
    const laid = await layOut(folder, extracts);
    const running = laid.filter(({ sample }) => sample.runs);
    const [typeErrors, outcomes] = await Promise.all([
      typeCheck(folder, laid),
      runAll(
        running.map(({ url }) => url),
        deadline,
      ),
    ]);
    for (const [path, error] of typeErrors) problems.get(path)!.push(error);
    for (const { sample, file, url } of running)
      problems.get(sample.path)!.push(...judge(sample, file, url, outcomes.get(url)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return problems;
}

/** Writes every sample into a folder in which it finds `sluice` and the other packages. */
async function layOut(folder: string, extracts: readonly Extract[]): Promise<Laid[]> {
  const compilerOptions = { rootDir: null, noEmit: true, typeRoots: [join(root, "node_modules", "@types")] };
  await writeAll(folder, {
    "package.json": JSON.stringify({ private: true, type: "module" }),
    "tsconfig.json": JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions,
      include: ["**/*.ts"],
      exclude: ["node_modules"],
    }),
    ...Object.fromEntries(
      extracts.flatMap(({ attachments }) => attachments.map(({ path, name, code }) => [join(path, name), code])),
    ),
  });
  await linkPackages(folder);
  const samples = extracts.flatMap((extract) => extract.samples);
  const laid = samples.map((sample) => {
    const file = join(sample.path, `line-${sample.line}.ts`);
    return { sample, file, url: pathToFileURL(join(folder, file)).href };
  });
  await writeAll(folder, Object.fromEntries(laid.map(({ sample, file }) => [file, sample.code])));
  return laid;
}

async function linkPackages(folder: string): Promise<void> {
  const packages = await readdir(join(root, "node_modules"));
  await mkdir(join(folder, "node_modules"));
  await Promise.all(
    packages.map((name) => symlink(join(root, "node_modules", name), join(folder, "node_modules", name))),
  );
  await symlink(root, join(folder, "node_modules", "sluice"));
}

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** The errors of the compiler, each with the path of its document. */
async function typeCheck(folder: string, laid: readonly Laid[]): Promise<[path: string, error: string][]> {
  if (laid.length === 0) return [];
  const compiler = join(root, "node_modules", "typescript-7", "bin", "tsc");
  const { code, output } = await run(process.execPath, [compiler, "-p", "tsconfig.json", "--pretty", "false"], folder);
  const paths = new Map(laid.map(({ file, sample }) => [file, sample.path]));
  const lines = output.split("\n");
  const located = [...output.matchAll(/^(.+)\((\d+),\d+\): error (.*)$/gm)];
  if (code !== 0 && located.length === 0) throw new Error(`The compiler failed:\n${lines.join("\n")}`);
  // An error in the sources is for the test that checks those.
  return located.flatMap(([, file = "", line, message]) => {
    const path = paths.get(file);
    return path === undefined ? [] : [[path, `${path}:${line}: ${message}`]];
  });
}

/** Runs samples in one process, and in another one after each that does not end. */
async function runAll(urls: readonly string[], deadline: number): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let rest = urls;
  while (rest.length > 0) {
    await runSome(rest, deadline, outcomes);
    const open = rest.filter((url) => !outcomes.has(url));
    if (open.length === rest.length) throw new Error(`The process that runs samples ended before ${open[0]}`);
    rest = open;
  }
  return outcomes;
}

function runSome(urls: readonly string[], deadline: number, outcomes: Map<string, Outcome>): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL("runSamples.ts", import.meta.url));
    const env = { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1", FORCE_COLOR: "0" };
    const child = fork(program, {
      cwd: root,
      env,
      execArgv: ["--conditions=sluice-source"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let running: string | undefined;
    let stderr = "";
    let watchdog: NodeJS.Timeout | undefined;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("message", (message) => {
      const told = message as FromRunner;
      clearTimeout(watchdog);
      running = told.kind === "begin" ? told.url : undefined;
      if (told.kind === "end") outcomes.set(told.url, told.outcome);
      // A loop without end leaves its process no time to notice.
      else watchdog = setTimeout(() => child.kill("SIGKILL"), deadline + 2000);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(watchdog);
      if (running !== undefined)
        outcomes.set(running, { printed: [], errors: [`its process ended with ${signal ?? code} ${stderr}`] });
      resolve();
    });
    child.send({ urls, deadline } satisfies ToRunner);
  });
}

/** What is wrong with what a sample did. */
function judge(sample: Sample, file: string, url: string, outcome: Outcome | undefined): string[] {
  const at = (line: number, problem: string) => `${sample.path}:${line}: ${problem}`;
  if (outcome === undefined) return [at(sample.line, "it was never run")];
  const expectations = expectationsOf(sample.code);
  const errors = outcome.errors.map((error) => at(lineOf(error, url) ?? sample.line, error.replaceAll(url, file)));
  const lost = outcome.printed
    .filter((printed) => siteOf(expectations, printed) === undefined)
    .map(({ line, text }) => at(line ?? sample.line, `"${text}" was printed by no console.log of the block`));
  return [...errors, ...lost, ...expectations.flatMap((each) => judgeLine(each, outcome.printed, at))];
}

function judgeLine(
  expectation: Expectation,
  all: readonly Printed[],
  at: (line: number, problem: string) => string,
): string[] {
  const { line, text } = expectation;
  const printed = all.filter((each) => siteOf([expectation], each) !== undefined).map((each) => each.text);
  if (text === undefined) return [at(line, `no comment says what is printed; it is ${printed.join(", ")}`)];
  if (printed.length === 0) return [at(line, `"${text}" was expected and nothing was printed`)];
  return isAsExpected(printed, text) ? [] : [at(line, `"${text}" was expected: printed was ${printed.join(", ")}`)];
}

function siteOf(expectations: readonly Expectation[], { line, column }: Printed): Expectation | undefined {
  return expectations.find(({ sites }) => sites.some((site) => site.line === line && site.column === column));
}

/** The line of the sample that a stack trace names first. */
function lineOf(error: string, url: string): number | undefined {
  const from = error.indexOf(`${url}:`);
  return from < 0 ? undefined : Number.parseInt(error.slice(from + url.length + 1), 10);
}
