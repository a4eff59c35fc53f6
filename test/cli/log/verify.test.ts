import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { runCommand, temporaryFolder } from "../runCommand.ts";

test("verify finds damage, and repair accepts exactly the loss that was looked at", async (t) => {
  const cwd = await temporaryFolder(t);
  const sluice = (line: string, stdin = "") =>
    runCommand(line.split(" "), { cwd, stdin, env: { SLUICE_DRIVER: `log:${join(cwd, "data")}` } });
  await sluice("topic create numbers");
  for (const n of [1, 2, 3]) await sluice("produce numbers", `${n}\n`);
  const sound = await sluice("verify");
  t.is(sound.code, exitCodes.ok, sound.stderr);
  t.regex(sound.stdout, /numbers +0 +\d+ +3 .* clean[^]*clean\n$/);

  await damage(join(cwd, "data"));
  const damaged = await sluice("verify --json");
  t.is(damaged.code, exitCodes.damaged);
  t.is((await sluice("produce numbers", "4\n")).code === exitCodes.ok, false, "a damaged partition takes no events");
  const refused = await sluice("repair");
  t.is(refused.code, exitCodes.damaged);
  t.regex(refused.stderr, /This would be lost: \d+ events? of numbers, partition 0, from id \d+ \(copy the directory/);

  await writeFile(join(cwd, "wrong.json"), `{"losses":[]}`);
  t.not((await sluice("repair --accept wrong.json")).code, exitCodes.ok);
  await writeFile(join(cwd, "report.json"), damaged.stdout);
  const repaired = await sluice("repair data --accept report.json");
  t.is(repaired.code, exitCodes.ok, repaired.stderr);
  t.is((await sluice("verify")).code, exitCodes.ok);
  t.is((await sluice("produce numbers", "4\n")).code, exitCodes.ok);
  t.regex((await sluice("consume numbers --until end -o metadata")).stdout, /4\n$/);
});

test("verify and repair are for logs only", async (t) => {
  const cwd = await temporaryFolder(t);
  t.is((await runCommand(["verify", "--driver", "memory:"], { cwd })).code, exitCodes.usage);
  t.is((await runCommand(["verify", "nothing"], { cwd })).code, exitCodes.notFound);
});

/** Changes a byte of the first batch of the first partition. */
async function damage(data: string): Promise<void> {
  const names = (await readdir(data, { recursive: true })).filter((name) => /topics\/[^/]+\/p0\/[^/]*\.seg/.test(name));
  const file = await open(join(data, names.toSorted()[0]!), "r+");
  const at = 512 + 100;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  buffer[0]! ^= 0xff;
  await file.write(buffer, 0, 1, at);
  await file.close();
}

test("whoever looks at a log that is not there is told so", async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, "empty"));
  for (const line of [
    "topic list --driver log:./nodir",
    "topic describe numbers --driver log:./nodir",
    "status --driver log:./nodir",
    "consume numbers --driver log:./nodir",
    "verify ./nodir",
    "repair log:./nodir",
    "verify --driver log:./nodir",
    "verify ./empty",
  ]) {
    const { code, stdout, stderr } = await runCommand(line.split(" "), { cwd });
    t.is(code, exitCodes.notFound, line);
    t.regex(stderr, /There is no log in \.\/(nodir|empty)/);
    t.is(stdout, "");
  }
  t.deepEqual(await readdir(cwd, { recursive: true }), ["empty"], "nothing is made");
});
