import test from "ava";
import { run, sourceFolders } from "./run.ts";

test("every file is formatted", async (t) => {
  const { code, output } = await run("oxfmt", ["--check", ...sourceFolders()]);
  t.is(code, 0, output);
});
