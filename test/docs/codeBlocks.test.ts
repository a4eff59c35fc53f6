import test from "ava";
import { checkSamples } from "./support/checkSamples.ts";
import { readDocuments } from "./support/documents.ts";
import { extractMarkdown } from "./support/extract.ts";

const extracts = (await readDocuments()).map(({ path, text }) => extractMarkdown(path, text));
const shown = extracts.filter(({ samples, problems }) => samples.length + problems.length > 0);

let problems: ReadonlyMap<string, readonly string[]> = new Map();

test.before("checks every document", async (t) => {
  t.timeout(300_000);
  problems = await checkSamples(shown);
});

test("the README shows a program", (t) => {
  t.true(shown.some(({ path }) => path === "README.md"));
});

for (const { path, samples } of shown) {
  test(`${path}: what it shows compiles, runs and prints what it says (${samples.length})`, (t) => {
    t.deepEqual(problems.get(path), []);
  });
}
