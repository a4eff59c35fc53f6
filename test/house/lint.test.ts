import test from "ava";
import { run, sourceFolders } from "./run.ts";

test("the linter has nothing to say", async (t) => {
  const { code, output } = await run("oxlint", ["--type-aware", "--deny-warnings", ...sourceFolders()]);

  t.is(code, 0, output);
});
