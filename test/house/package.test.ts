import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { root, run } from "./run.ts";

interface Manifest {
  readonly exports: Record<string, unknown>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
}

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
const compiler = join(root, "node_modules", "typescript-7", "bin", "tsc");

/** `sluice`, `sluice/operators` and so on: the names that package.json spells out. */
const subpaths = Object.keys(manifest.exports)
  .filter((name) => !name.includes("*") && name !== "./package.json")
  .map((name) => name.replace(/^\./, "sluice"));

/** Whose types are made of those of an optional peer: nobody imports them without having it. */
const needPeerTypes: ReadonlySet<string> = new Set(["sluice/telemetry"]);

let folder = "";
let tarball = "";
let consumer = "";

test.before("builds, packs and unpacks", async (t) => {
  t.timeout(300_000);
  folder = await mkdtemp(join(tmpdir(), "sluice-package-"));

  const build = await run("npm", ["run", "--silent", "build"]);
  if (build.code !== 0) throw new Error(`The build failed\n${build.output}`);

  const pack = await run("npm", ["pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", folder]);
  if (pack.code !== 0) throw new Error(`npm pack failed\n${pack.output}`);

  const name = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (name === undefined) throw new Error(`npm pack wrote no tarball\n${pack.output}`);
  tarball = join(folder, name);
  consumer = await makeConsumer();
});

test.after.always("removes the temporary folder", async () => {
  await rm(folder, { recursive: true, force: true });
});

test("publint has nothing to say about the package", async (t) => {
  const { code, output } = await run("publint", ["run", tarball, "--strict"]);

  t.is(code, 0, output);
});

test("every entry point has types that resolve", async (t) => {
  const { code, output } = await run("attw", [tarball, "--profile", "esm-only", "--no-emoji", "--no-color"]);

  t.is(code, 0, output);
});

test("the package holds no machine's path", async (t) => {
  const packed = join(consumer, "node_modules", "sluice");
  const { stdout } = await run("grep", ["-rlF", root, packed]);

  t.is(stdout, "");
});

test("every entry point loads without the optional peers", async (t) => {
  const { code, output } = await runInConsumer(
    "load.mjs",
    `for (const name of ${JSON.stringify(subpaths)}) {
       const names = Object.keys(await import(name));
       if (names.length === 0) throw new Error(name + " exports nothing");
     }`,
  );

  t.is(code, 0, output);
});

test("every operator loads by a path of its own", async (t) => {
  const files = await readdir(join(consumer, "node_modules", "sluice", "dist", "operators"));
  const names = files.filter((file) => file.endsWith(".js")).map((file) => `sluice/operators/${file.slice(0, -3)}`);
  const { code, output } = await runInConsumer(
    "operators.mjs",
    `await Promise.all(${JSON.stringify(names)}.map((name) => import(name)));`,
  );

  t.true(names.length > 0);
  t.is(code, 0, output);
});

test("internal operators are out of reach", async (t) => {
  const { code, output } = await runInConsumer("internal.mjs", `await import("sluice/operators/internal/any");`);

  t.not(code, 0);
  t.regex(output, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test("the command runs from the package, without the optional peers", async (t) => {
  const bin = join(consumer, "node_modules", "sluice", "dist", "cli", "main.js");
  const { code, stdout, output } = await run("node", [bin, "topic", "list", "--driver", "memory:"], consumer);

  t.is(code, 0, output);
  t.is(stdout, "");
});

test("the live page comes with the package, in one file without anything from elsewhere", async (t) => {
  const page = await readFile(join(consumer, "node_modules", "sluice", "dist", "cli", "page.html"), "utf8");

  t.regex(page, /<script type="module">[^]{50000,}<\/script>/);
  t.false(/(src|href)="https?:/.test(page));
});

test("require() loads the package as well", async (t) => {
  const { code, output } = await runInConsumer("load.cjs", `require("sluice"); require("sluice/operators");`);

  t.is(code, 0, output);
});

for (const [module, moduleResolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const) {
  test(`the types serve a project that resolves by ${moduleResolution}`, async (t) => {
    const name = `tsconfig.${moduleResolution}.json`;
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable", "dom", "dom.asynciterable"],
      types: ["node"],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      module,
      moduleResolution,
    };
    await writeFile(join(consumer, name), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
    const { code, output } = await run(process.execPath, [compiler, "-p", name, "--pretty", "false"], consumer);

    t.is(code, 0, output);
  });
}

/** A project that has the unpacked package, what it depends on, and nothing else. */
async function makeConsumer(): Promise<string> {
  const project = join(folder, "consumer");
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "sluice"), { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "sluice")]);

  const peers = Object.keys(manifest.peerDependencies).filter(
    (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
  );
  for (const name of [...Object.keys(manifest.dependencies), ...peers, "@types/node"]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, "node_modules", name), join(modules, name));
  }

  const typed = subpaths.filter((name) => !needPeerTypes.has(name));
  const uses = typed.map((name, i) => `import * as entry${i} from "${name}";\nexport const use${i} = entry${i};`);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await writeFile(join(project, "use.ts"), uses.join("\n"));
  return project;
}

async function runInConsumer(name: string, code: string) {
  await writeFile(join(consumer, name), code);
  return run("node", [name], consumer);
}
