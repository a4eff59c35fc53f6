import test from "ava";
import { importOptional } from "../../src/components/importOptional.ts";
import { SluiceError } from "../../src/model/errors.ts";

test("importOptional() hands on what was loaded", async (t) => {
  t.is(await importOptional("x", "It", async () => 7), 7);
});

test("importOptional() says what to install", async (t) => {
  // The name is put together so that nothing looks for the package before the test runs.
  const load = (): Promise<unknown> => import(["no", "such", "package"].join("-"));
  const error = await t.throwsAsync(importOptional("no-such-package", "A JSON Schema", load), {
    instanceOf: SluiceError,
  });

  t.is(error?.code, "ERR_MISSING_DEPENDENCY");
  t.is(error?.message, 'A JSON Schema needs the package "no-such-package": npm install no-such-package');
  t.deepEqual(error?.details, { package: "no-such-package" });
  t.is((error?.cause as { code?: string } | undefined)?.code, "ERR_MODULE_NOT_FOUND");
});
