import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { onMemory, temporaryFolder } from "../runCommand.ts";

/** Turns to go until a condition holds: what is waited for happens in other processes. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("lines written to a FIFO become events, and events lines, as the control file asks for", async (t) => {
  const cwd = await temporaryFolder(t);
  const sluice = onMemory();
  await sluice("topic create letters");
  let stop = () => {};
  let said = "";
  const running = sluice("fifo --control-file ctl", {
    cwd,
    withSignal: (send) => (stop = () => send("SIGTERM")),
    onOutput: (text) => (said += text),
  });
  const [control, input, output] = ["ctl", "in put", "out"].map((name) => join(cwd, name)) as [string, string, string];
  await until(() => said.includes("Reading commands"));
  await writeFile(
    control,
    `nonsense\nmissing -> nothing\n"in put" -> letters (name=writer, batch_size=1)\nout <- letters\n`,
  );
  await until(() => existsSync(input) && existsSync(output));
  await until(() => said.includes("There is no topic"));

  await appendFile(input, `say "hi" \\n\n`); // A writer that comes and goes,
  await appendFile(input, `two\n`); // and another one.
  const reader = spawn("head", ["-n", "2", output]);
  let read = "";
  reader.stdout.on("data", (chunk: Buffer) => (read += chunk.toString()));
  await new Promise((resolve) => reader.on("close", resolve));
  t.is(read, `say "hi" \\n\ntwo\n`);

  await appendFile(input, "three\n");
  const second = spawn("head", ["-n", "1", output]);
  read = "";
  second.stdout.on("data", (chunk: Buffer) => (read += chunk.toString()));
  await new Promise((resolve) => second.on("close", resolve));
  t.is(read, "three\n", "the next reader gets what comes next");

  stop();
  const { code, stderr } = await running;
  t.is(code, 0, stderr);
  t.regex(stderr, /-> or <- is missing/);
  t.false(
    [control, input, output].some((path) => existsSync(path)),
    "what it made is gone",
  );
  t.is((await sluice("consume letters --until end -o metadata")).stdout, `"say \\"hi\\" \\\\n"\n"two"\n"three"\n`);
});

test("a control file that is no FIFO is left alone", async (t) => {
  const cwd = await temporaryFolder(t);
  await writeFile(join(cwd, "ctl"), "mine");
  const { code, stderr } = await onMemory()("fifo --control-file ctl", { cwd });
  t.is(code, exitCodes.conflict);
  t.regex(stderr, /is there already, and is no FIFO/);
  t.is(await readFile(join(cwd, "ctl"), "utf8"), "mine");
});
