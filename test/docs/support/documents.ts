import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../house/run.ts";

/** A text with its path, relative to the root. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** The documents that people read, but for the API pages, which are made from the sources. */
export function readDocuments(): Promise<Document[]> {
  return readAll(["*.md", "docs/*.md", "docs/guides/**/*.md", "docs/decisions/**/*.md"]);
}

/** The sources whose doc comments people read. */
export function readSources(): Promise<Document[]> {
  return readAll(["src/**/*.ts", "operators/**/*.ts", "backends/**/*.ts", "test/conformance/**/*.ts"]);
}

async function readAll(patterns: readonly string[]): Promise<Document[]> {
  const paths: string[] = [];
  for await (const path of glob(patterns, { cwd: root })) paths.push(path);
  return Promise.all(paths.toSorted().map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })));
}
