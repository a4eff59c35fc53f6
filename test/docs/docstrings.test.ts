import { join } from "node:path";
import test from "ava";
import ts from "typescript";
import { root } from "../house/run.ts";
import { checkSamples } from "./support/checkSamples.ts";
import { readSources } from "./support/documents.ts";
import { extractDocstrings } from "./support/extract.ts";
import { namesWithoutExample } from "./support/namesWithoutExample.ts";

const extracts = (await readSources()).map(({ path, text }) => extractDocstrings(path, text));
const shown = extracts.filter(({ samples, problems }) => samples.length + problems.length > 0);

let problems: ReadonlyMap<string, readonly string[]> = new Map();

test.before("checks every example", async (t) => {
  t.timeout(300_000);
  problems = await checkSamples(shown);
});

for (const { path } of shown) {
  test(`${path}: its examples compile, run and print what they say`, (t) => {
    t.deepEqual(problems.get(path), []);
  });
}

test("every public function and class has an example", (t) => {
  const { config } = ts.readConfigFile(join(root, "typedoc.json"), (path) => ts.sys.readFile(path)) as {
    config: { entryPoints: string[] };
  };
  const entryPoints = config.entryPoints.map((path) => join(root, path)).filter((path) => ts.sys.fileExists(path));

  t.true(entryPoints.length > 0);
  t.deepEqual(namesWithoutExample(entryPoints), []);
});
