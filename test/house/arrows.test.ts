import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { root, run, sourceFolders } from "./run.ts";

/** The part of dependency-cruiser's JSON that is read here. */
interface Cruise {
  readonly modules: readonly Module[];
  readonly summary: { readonly violations: readonly Violation[] };
}
interface Module {
  readonly source: string;
  readonly dependencies: readonly Dependency[];
}
interface Dependency {
  readonly resolved: string;
  readonly coreModule: boolean;
  readonly dynamic: boolean;
}
interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
  readonly cycle?: readonly { readonly name: string }[];
}

/** What must run in a browser as well. */
const isBrowserSafeEntry = (source: string): boolean =>
  /^(src\/index\.ts|operators\/index\.ts|backends\/memory\/.*|backends\/service\/index\.ts)$/.test(source);

test("imports follow the arrows", async (t) => {
  const cruise = await cruiseFolder(t, root);

  t.deepEqual(violationsOf(cruise), []);
});

test("no Node module is reachable from the browser-safe entries", async (t) => {
  const cruise = await cruiseFolder(t, root);

  t.true(
    cruise.modules.some((module) => isBrowserSafeEntry(module.source)),
    "There is no entry to start from",
  );
  t.deepEqual(pathsToNode(cruise), []);
});

/** A file that breaks the rule it is named under, and the import that breaks it. */
const broken: readonly { rule: string; file: string; imports: string; to: string }[] = [
  {
    rule: "model-is-the-ground-floor",
    file: "src/model/operator.ts",
    imports: "../../operators/ok.ts",
    to: "operators/ok.ts",
  },
  {
    rule: "model-is-the-ground-floor",
    file: "src/model/package.ts",
    imports: "ix/asynciterable",
    to: "node_modules/ix/",
  },
  { rule: "model-is-the-ground-floor", file: "src/model/node.ts", imports: "node:fs", to: "fs" },
  { rule: "operators-stand-on-the-model", file: "operators/src.ts", imports: "../src/ok.ts", to: "src/ok.ts" },
  {
    rule: "operators-stand-on-the-model",
    file: "operators/package.ts",
    imports: "ix/asynciterable",
    to: "node_modules/ix/",
  },
  { rule: "operators-stand-on-the-model", file: "operators/node.ts", imports: "node:fs", to: "fs" },
  {
    rule: "backends-stand-on-the-model",
    file: "backends/one/operator.ts",
    imports: "sluice/operators/ok",
    to: "operators/ok.ts",
  },
  {
    rule: "backends-stand-on-the-model",
    file: "backends/one/other.ts",
    imports: "sluice/backends/two",
    to: "backends/two/index.ts",
  },
  { rule: "backends-stand-on-the-model", file: "backends/one/src.ts", imports: "../../src/ok.ts", to: "src/ok.ts" },
  { rule: "src-names-no-backend", file: "src/backend.ts", imports: "sluice/backends/two", to: "backends/two/index.ts" },
  {
    rule: "connect-loads-backends-lazily",
    file: "src/connect.ts",
    imports: "sluice/backends/two",
    to: "backends/two/index.ts",
  },
  { rule: "nothing-stands-on-the-edge", file: "src/example.ts", imports: "../examples/ok.ts", to: "examples/ok.ts" },
  { rule: "nothing-stands-on-the-edge", file: "operators/bench.ts", imports: "../bench/ok.ts", to: "bench/ok.ts" },
  { rule: "edges-are-separate", file: "examples/test.ts", imports: "../test/ok.ts", to: "test/ok.ts" },
  { rule: "conformance-stands-alone", file: "test/conformance/test.ts", imports: "../ok.ts", to: "test/ok.ts" },
  {
    rule: "conformance-stands-alone",
    file: "test/conformance/backend.ts",
    imports: "sluice/backends/two",
    to: "backends/two/index.ts",
  },
  { rule: "shipped-code-needs-no-dev-dependency", file: "src/dev.ts", imports: "zod", to: "node_modules/zod/" },
  { rule: "resolvable", file: "src/nowhere.ts", imports: "./nothing.ts", to: "./nothing.ts" },
  { rule: "no-circular", file: "src/circle.ts", imports: "./circleBack.ts", to: "src/circleBack.ts" },
];

test("the check sees every broken arrow", async (t) => {
  const sound = ["src", "operators", "examples", "bench", "test"].map((name) => [
    `${name}/ok.ts`,
    "export const ok = 1;",
  ]);
  const files = broken.map(({ file, imports }) => [
    file,
    `import * as other from "${imports}";\nexport const a = () => other;`,
  ]);
  const folder = await plant(t, {
    ...Object.fromEntries([...sound, ...files]),
    "backends/two/index.ts": "export const ok = 1;",
    "src/circleBack.ts": `export { a } from "./circle.ts";`,
    "src/lazy.ts": `export const a = () => import("sluice/backends/two");`,
    "src/model/typeOnly.ts": `import type { ok } from "../ok.ts";\nexport type A = typeof ok;`,
  });
  const { summary } = await cruiseFolder(t, folder);

  const lazy = { rule: "src-names-no-backend", file: "src/lazy.ts", to: "backends/two/index.ts" };
  const typeOnly = { rule: "model-names-no-type-of-the-house", file: "src/model/typeOnly.ts", to: "src/ok.ts" };
  for (const { rule, file, to } of [...broken, lazy, typeOnly]) {
    const isSeen = summary.violations.some(
      (violation) => violation.rule.name === rule && violation.from === file && violation.to.includes(to),
    );
    t.true(isSeen, `${rule}: ${file} → ${to} went unseen`);
  }
  t.false(summary.violations.some(({ from }) => from.endsWith("/ok.ts")));
});

test("the check lets the allowed arrows pass", async (t) => {
  const folder = await plant(t, {
    "src/model/a.ts": `import { Observable } from "rxjs";\nimport type { StandardSchemaV1 } from "@standard-schema/spec";\nexport const a = Observable;\nexport type S = StandardSchemaV1;`,
    "operators/index.ts": `import { map } from "rxjs";\nimport { a } from "../src/model/a.ts";\nexport const b = [map, a];`,
    "src/index.ts": `export { b } from "sluice/operators";\nexport { connect } from "./connect.ts";`,
    "src/connect.ts": `import { threads } from "#threads";\nexport const connect = () => [threads, import("../backends/log/index.ts")];`,
    "src/threads/node.ts": `import { Worker } from "node:worker_threads";\nexport const threads = Worker;`,
    "src/threads/browser.ts": `export const threads = undefined;`,
    "backends/log/index.ts": `import { open } from "node:fs";\nimport { a } from "../../src/model/a.ts";\nexport const log = [open, a];`,
    "backends/memory/index.ts": `import { v7 } from "uuid";\nexport const memory = v7;`,
    "test/a.test.ts": `import { b } from "sluice/operators";\nexport { b };`,
  });
  const cruise = await cruiseFolder(t, folder);

  t.deepEqual(violationsOf(cruise), []);
  t.deepEqual(pathsToNode(cruise), []);
});

test("the check finds a Node module behind two imports", async (t) => {
  const folder = await plant(t, {
    "src/index.ts": `export { a } from "./a.ts";`,
    "src/a.ts": `export { b } from "./b.ts";`,
    "src/b.ts": `export { readFileSync as b } from "fs";`,
    "backends/memory/index.ts": `import { threads } from "#threads";\nexport const memory = threads;`,
    "src/threads/browser.ts": `import { cpus } from "node:os";\nexport const threads = cpus;`,
    "src/threads/node.ts": `export const threads = 1;`,
  });

  t.deepEqual(pathsToNode(await cruiseFolder(t, folder)), [
    "backends/memory/index.ts → src/threads/browser.ts → os",
    "src/index.ts → src/a.ts → src/b.ts → fs",
  ]);
});

/** Lays the files into a folder of their own that resolves imports as this one does. */
async function plant(t: ExecutionContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-arrows-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));

  await cp(join(root, "package.json"), join(folder, "package.json"));
  await cp(join(root, "tsconfig.json"), join(folder, "tsconfig.json"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), `${text}\n`);
  }
  return folder;
}

async function cruiseFolder(t: ExecutionContext, folder: string): Promise<Cruise> {
  const config = join(root, ".dependency-cruiser.cjs");
  const args = ["--config", config, "--output-type", "json", ...sourceFolders(folder)];
  const { stdout, output } = await run("depcruise", args, folder);

  if (!stdout.startsWith("{")) t.fail(output);
  return JSON.parse(stdout) as Cruise;
}

function violationsOf(cruise: Cruise): string[] {
  return cruise.summary.violations.map(({ rule, from, to, cycle }) => {
    const way = cycle === undefined ? [to] : cycle.map((step) => step.name);
    return `${rule.name}: ${[from, ...way].join(" → ")}`;
  });
}

/** The shortest way from each browser-safe entry to each Node module. A lazily loaded backend is not followed. */
function pathsToNode(cruise: Cruise): string[] {
  const modules = new Map(cruise.modules.map((module) => [module.source, module]));
  const waysFrom = (entry: string): string[] => {
    const seen = new Set([entry]);
    const queue = [[entry]];
    const found: string[] = [];
    for (const way of queue) {
      for (const { resolved, coreModule, dynamic } of modules.get(way.at(-1) ?? entry)?.dependencies ?? []) {
        if (coreModule) found.push([...way, resolved].join(" → "));
        const isLazyBackend = dynamic && resolved.startsWith("backends/");
        if (isLazyBackend || seen.has(resolved)) continue;
        seen.add(resolved);
        queue.push([...way, resolved]);
      }
    }
    return found;
  };

  return cruise.modules
    .map((module) => module.source)
    .filter(isBrowserSafeEntry)
    .flatMap(waysFrom)
    .toSorted();
}
