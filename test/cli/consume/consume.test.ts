import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { onMemory, temporaryFolder } from "../runCommand.ts";

const events = Array.from({ length: 10 }, (_, n) =>
  JSON.stringify({ metadata: { n }, data: Buffer.from(`data of ${n}`).toString("base64") }),
).join("\n");

async function topicOfTen() {
  const sluice = onMemory();
  await sluice("topic create ten");
  await sluice("produce ten --format event", { stdin: events });
  return sluice;
}

function numbersOf(stdout: string): number[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { n?: number; metadata: { n: number } })
    .map(({ n, metadata }) => n ?? metadata.n);
}

test("consume prints everything about an event as a JSON line", async (t) => {
  const sluice = await topicOfTen();
  const { stdout } = await sluice("consume ten --until end --count 1 --select all");
  const { timestamp, ...event } = JSON.parse(stdout) as Record<string, unknown>;
  t.deepEqual(event, { topic: "ten", partition: 0, id: 0, metadata: { n: 0 }, dataSize: 9, data: "ZGF0YSBvZiAw" });
  t.regex(timestamp as string, /^\d{4}-\d{2}-\d{2}T/);
});

test("consume starts and ends where it is told", async (t) => {
  const sluice = await topicOfTen();
  const from = async (where: string) =>
    numbersOf((await sluice(`consume ten --until end -o metadata --from ${where}`)).stdout);
  t.deepEqual(await from("earliest"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.deepEqual(await from("latest"), []);
  t.deepEqual(await from("7"), [7, 8, 9]);
  t.deepEqual(await from("last:2"), [8, 9]);
  t.deepEqual(await from("1h"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.deepEqual(await from("2100-01-01"), []);
  t.deepEqual(numbersOf((await sluice("consume ten --count 3 -o metadata")).stdout), [0, 1, 2]);
  t.deepEqual(numbersOf((await sluice("consume ten --until idle:200 -o metadata")).stdout).length, 10);
  for (const wrong of [
    "--from yesterday",
    "--from last:x",
    "--until never",
    "--select some",
    "--select 9:1",
    "--select 5:9,1:2",
    "--acknowledge often",
    "--count 0",
  ]) {
    t.is((await sluice(`consume ten ${wrong}`)).code, exitCodes.usage, wrong);
  }
  t.is((await sluice("consume ten --partition 4")).code, exitCodes.notFound);
});

test("consume follows until a signal, and ends with 0", async (t) => {
  const sluice = await topicOfTen();
  let stop = () => {};
  const followed = sluice("consume ten -o metadata --name follower --acknowledge at-exit", {
    withSignal: (send) => (stop = () => send("SIGTERM")),
    onOutput: (text) => text.includes(`{"n":10}`) && stop(),
  });
  await sluice("produce ten", { stdin: `{"n":10}\n` });
  const { code, stdout } = await followed;
  t.is(code, 0);
  t.is(numbersOf(stdout).at(-1), 10);
  t.is((JSON.parse((await sluice("lag ten follower --json")).stdout) as { total: number }).total, 0);
});

test("events are acknowledged as it was said, and not otherwise", async (t) => {
  const sluice = await topicOfTen();
  const lagAfter = async (mode: string, name: string) => {
    await sluice(`consume ten --count 5 -o metadata --name ${name} ${mode}`);
    return (JSON.parse((await sluice(`lag ten ${name} --json`)).stdout) as { total: number }).total;
  };
  t.is(await lagAfter("", "never"), 10);
  t.is(await lagAfter("--acknowledge each", "each"), 5);
  t.is(await lagAfter("--acknowledge every:2", "every"), 5);
  t.is(await lagAfter("--acknowledge at-exit", "exit"), 5);
  t.is(await lagAfter("--acknowledge each", "each"), 0, "and goes on where it was");
});

test("only the selected bytes are brought", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "select.mjs"),
    `export const odd = () => ({ n }, data) => (n % 2 === 1 ? data.makeSubView(8, 1) : null);`,
  );
  const sluice = await topicOfTen();
  const select = async (what: string) => {
    const { stdout, stderr } = await sluice(`consume ten --count 2 --select ${what}`, { cwd: folder });
    t.is(stderr, "");
    const lines = stdout.trimEnd().split("\n");
    return lines.map((line) => Buffer.from((JSON.parse(line) as { data?: string }).data ?? "", "base64").toString());
  };
  t.deepEqual(await select("0:4"), ["data", "data"]);
  t.deepEqual(await select(":4,8:"), ["data0", "data1"]);
  t.deepEqual(await select("100:200"), ["", ""]);
  t.deepEqual(await select("odd:./select.mjs"), ["", "1"]);
  t.is((await sluice("consume ten --select even:./select.mjs", { cwd: folder })).code, exitCodes.usage);
});

test("data is saved into a file for each event", async (t) => {
  const folder = await temporaryFolder(t);
  const sluice = await topicOfTen();
  const { stdout } = await sluice("consume ten --count 2 --save-data out", { cwd: folder });
  t.deepEqual((await readdir(join(folder, "out"))).toSorted(), ["ten-0-0.bin", "ten-0-1.bin"]);
  t.is(await readFile(join(folder, "out", "ten-0-1.bin"), "utf8"), "data of 1");
  const [first] = stdout.split("\n");
  t.like(JSON.parse(first!), { file: join("out", "ten-0-0.bin"), dataSize: 9 });
});
