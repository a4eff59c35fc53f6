import { join } from "node:path";
import test from "ava";
import { root, run } from "./run.ts";

test("the whole project type-checks, the type tests included", async (t) => {
  const compiler = join(root, "node_modules", "typescript-7", "bin", "tsc");
  const { code, output } = await run(process.execPath, [compiler, "-p", "tsconfig.json", "--pretty", "false"]);

  t.is(code, 0, output);
});
