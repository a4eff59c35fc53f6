import test from "ava";
import { run } from "./run.ts";

test("every public name is documented", async (t) => {
  const { code, output } = await run("typedoc", ["--emit", "none"]);

  t.is(code, 0, output);
});
