import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { runCommand, temporaryFolder } from "../runCommand.ts";

test("a log is encrypted by a key in a file, which nobody else may be able to read", async (t) => {
  const cwd = await temporaryFolder(t);
  const key = join(cwd, "keys", "one.key");
  await mkdir(join(cwd, "keys"));
  await writeFile(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  const plain = (line: string) =>
    runCommand(line.split(" "), { cwd, stdin: `"very secret"\n`, env: { SLUICE_DRIVER: `log:${join(cwd, "data")}` } });
  const sluice = (line: string) => plain(`${line} --driver.encryption.keyId one --driver.encryption.keys keys`);
  t.is((await sluice("topic create secrets")).code, exitCodes.ok);
  t.is((await sluice("produce secrets")).code, exitCodes.ok);
  t.is((await sluice("consume secrets --until end -o metadata")).stdout, `"very secret"\n`);
  for (const name of await readdir(join(cwd, "data"), { recursive: true })) {
    const path = join(cwd, "data", name);
    if ((await stat(path)).isFile()) t.false((await readFile(path)).includes("very secret"), name);
  }

  t.is((await plain("consume secrets --until end")).code, exitCodes.denied, "not without the key");
  await chmod(key, 0o644);
  const open = await sluice("produce secrets");
  t.is(open.code, exitCodes.denied);
  t.regex(open.stderr, /can be read by others \(chmod 600/);
  await chmod(key, 0o600);
  await writeFile(key, "short");
  t.regex((await sluice("produce secrets")).stderr, /must have 64 hexadecimal digits/);
  t.is((await plain("topic list --driver.encryption.keyid one")).code, exitCodes.usage);
});
