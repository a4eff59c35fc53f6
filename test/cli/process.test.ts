import { spawn } from "node:child_process";
import test from "ava";
import { main, startProcess as start, temporaryFolder } from "./runCommand.ts";

/** The names under which commands consume. */
const nameOf: Readonly<Record<string, string>> = { consume: "app", forward: "forward-source-copy" };

test("a real process stores, drains on SIGTERM, survives a reader that goes away, and ends by itself", async (t) => {
  const cwd = await temporaryFolder(t);
  const ran = (line: string) => start(line.split(" "), cwd).ended;
  t.deepEqual(await ran("topic create numbers"), {
    code: 0,
    stdout: "Created numbers with 1 partition.\n",
    stderr: "",
  });

  const produced = start(["produce", "numbers", "--receipts"], cwd);
  produced.child.stdin.write(Array.from({ length: 20_000 }, (_, n) => `${n}\n`).join(""));
  await produced.said(`"id":19999`);
  // What only looks needs no lock.
  t.regex((await ran("consume numbers --count 1 --from 500 -o metadata")).stdout, /^500\n/);
  produced.child.kill("SIGTERM"); // Its input is still open.
  t.is((await produced.ended).code, 143);

  const consumed = start(["consume", "numbers", "-o", "metadata", "--name", "head", "--acknowledge", "each"], cwd);
  consumed.child.stdin.end();
  await consumed.said("7\n");
  consumed.child.stdout.destroy(); // As `| head` does.
  // It notices when it next writes, so it may still be waiting for an event.
  consumed.child.kill("SIGINT");
  t.is((await consumed.ended).code, 0);

  const [line] = (await ran("consume numbers --count 1 --from 19999 -o metadata")).stdout.split("\n");
  t.is(line, "19999");
});

test("a service in a process of its own stops by its group file", async (t) => {
  const cwd = await temporaryFolder(t);
  const service = start(["serve", "--port", "0", "--driver", "memory:"], cwd);
  await service.said("ws://");
  const stopped = await start(["shutdown"], cwd).ended;
  t.is(stopped.stdout, "The service has stopped.\n", stopped.stderr);
  const { code, stderr } = await service.ended;
  t.is(code, 0, stderr);
});

test("a command that follows a quiet topic ends when nobody reads its pipe any more", async (t) => {
  const cwd = await temporaryFolder(t);
  t.is((await start(["topic", "create", "quiet"], cwd).ended).code, 0);
  const produced = start(["produce", "quiet"], cwd);
  produced.child.stdin.end("7\n");
  t.is((await produced.ended).code, 0);
  const line = `"$0" --conditions=sluice-source "$1" consume quiet -o metadata; echo "it ended with $?" >&2`;
  const env = { ...process.env, SLUICE_DRIVER: "log:./data", NODE_OPTIONS: "" };
  const child = spawn("sh", ["-c", `(${line}) | head -n 1`, process.execPath, main], { cwd, env });
  t.teardown(() => child.kill());
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  t.is(said, "7\nit ended with 0\n");
});

for (const [what, follow] of Object.entries({
  consume: "consume quiet --name app --acknowledge each --json",
  forward: "forward --from quiet --to copy --create --json",
})) {
  test(`${what} stays with a quiet topic of a log that it writes to, until it is asked to end`, async (t) => {
    const cwd = await temporaryFolder(t);
    t.is((await start(["topic", "create", "quiet"], cwd).ended).code, 0);
    const produced = start(["produce", "quiet"], cwd);
    produced.child.stdin.end("7\n");
    t.is((await produced.ended).code, 0);
    const following = start(follow.split(" "), cwd);
    following.child.stdin.end();
    const lag = async () =>
      JSON.parse((await start(["lag", "quiet", nameOf[what]!, "--json"], cwd).ended).stdout) as { total: number };
    while ((await lag()).total > 0); // Each look takes as long as a process does: there is time to end in.

    t.is((await lag()).total, 0);
    t.is(following.child.exitCode, null, following.text());
    following.child.kill("SIGINT");
    t.is((await following.ended).code, 0, following.text());
  });
}
