import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "ava";
import { root } from "../house/run.ts";
import { readDocuments } from "./support/documents.ts";
import { brokenLinks } from "./support/links.ts";

const documents = await readDocuments();
const texts = new Map(documents.map(({ path, text }) => [path, text]));

for (const { path, text } of documents) {
  test(`${path}: its links lead somewhere`, (t) => {
    t.deepEqual(brokenLinks(path, text, read), []);
  });
}

test("every guide and every decision can be reached from the README", (t) => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    for (const [, target = ""] of (texts.get(path) ?? "").matchAll(/\]\(([^)#\s]+)/g)) {
      const other = join(dirname(path), target);
      if (texts.has(other)) reached.add(other);
    }
  }

  t.deepEqual(
    [...texts.keys()].filter((path) => !reached.has(path)),
    [],
  );
});

test("brokenLinks() finds a missing file, a missing heading and a machine's path", (t) => {
  const text =
    "# Top\n[a](b.md) [c](d.md#here) [e](d.md#there) [f](#top) [g](#bottom) [h](/etc/hosts) [i](https://example.org)\n";
  const others = new Map([["docs/d.md", "## There\n"]]);

  t.deepEqual(
    brokenLinks("docs/a.md", text, (path) => others.get(path)),
    ["b.md", "d.md#here", "#bottom", "/etc/hosts"],
  );
});

/** The text of a file, empty when it is no document; undefined when there is none. */
function read(path: string): string | undefined {
  return texts.get(path) ?? (existsSync(join(root, path)) ? "" : undefined);
}
