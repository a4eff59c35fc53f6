// Writes the generated part of the guides: `npm run docs:cli`. A test checks that they are in step.
import { writeFile } from "node:fs/promises";
import { guides } from "./guides.ts";

for (const [path, text] of await guides()) {
  await writeFile(new URL(`../${path}`, import.meta.url), text);
  console.log(path);
}
