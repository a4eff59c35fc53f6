import { readFile } from "node:fs/promises";
import { commandReference } from "./commandReference.ts";
import { makeProgram } from "./program.ts";
import { configReference } from "./service/configReference.ts";
import { configSchema } from "./service/configSchema.ts";

const begin = "<!-- generated: npm run docs:cli -->";
const end = "<!-- end of what is generated -->";

/** The files that are generated, or have a part that is, as they should be: path and text. */
export async function guides(): Promise<[path: string, text: string][]> {
  const program = makeProgram({ begin: () => never(), end: () => {} });
  return [
    await filled("docs/guides/command-line.md", commandReference(program)),
    await filled("docs/guides/configuration.md", configReference(configSchema)),
    ["cli/service/config.schema.json", `${JSON.stringify(configSchema, null, 2)}\n`],
  ];
}

/** What is written by hand stays as it is. */
async function filled(path: string, generated: string): Promise<[string, string]> {
  const text = await readFile(new URL(`../${path}`, import.meta.url), "utf8");
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`${path} must have the lines "${begin}" and "${end}"`);
  return [path, `${text.slice(0, before)}${begin}\n\n${generated}\n\n${text.slice(after)}`];
}

function never(): never {
  throw new Error("Only help is made of this program");
}
