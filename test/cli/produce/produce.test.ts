import { writeFile, readFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { onMemory, temporaryFolder } from "../runCommand.ts";

test("produce stores every line in order, and ends when all of them are stored", async (t) => {
  const sluice = onMemory();
  await sluice("topic create numbers");
  const lines = Array.from({ length: 5000 }, (_, n) => JSON.stringify({ n }));
  const produced = await sluice("produce numbers --json", { stdin: `${lines.join("\r\n")}\n\n` });
  t.like(JSON.parse(produced.stdout), { topic: "numbers", read: 5000, stored: 5000, rejected: 0 });
  const consumed = await sluice("consume numbers --until end -o metadata");
  t.deepEqual(consumed.stdout.trimEnd().split("\n"), lines);
});

test("produce reads several files, and stdin among them", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "a.jsonl"), `"a1"\n"a2"`);
  await writeFile(join(folder, "b.jsonl"), `"b1"\n`);
  const sluice = onMemory();
  await sluice("topic create letters");
  const produced = await sluice("produce letters a.jsonl - b.jsonl", { cwd: folder, stdin: `"s"\n` });
  t.regex(produced.stderr, /^Stored 4 events in letters/);
  t.is((await sluice("consume letters --until end -o metadata")).stdout, `"a1"\n"a2"\n"s"\n"b1"\n`);
  const missing = await sluice("produce letters a.jsonl nothing.jsonl", { cwd: folder });
  t.is(missing.code, exitCodes.notFound);
  t.is(
    (await sluice("consume letters --until end -o metadata")).stdout.split("\n").length,
    5,
    "and nothing was stored",
  );
});

test("raw lines are strings, empty ones and those with quotes and back-slashes too", async (t) => {
  const sluice = onMemory();
  await sluice("topic create raw");
  await sluice("produce raw --format raw", { stdin: `say "hi" \\n\n\n{"not": json\n` });
  t.is((await sluice("consume raw --until end -o metadata")).stdout, `"say \\"hi\\" \\\\n"\n""\n"{\\"not\\": json"\n`);
});

test("a rejected line is reported with its number, and ends the command unless it may be skipped", async (t) => {
  const sluice = onMemory();
  await sluice(`topic create checked --validator.pattern {"energy":[{"exists":true}]}`);
  const stdin = `{"energy":1}\nnot json\n{"energy":2}\n{"mass":3}\n\u00ff\n`;
  const failed = await sluice("produce checked", { stdin });
  t.is(failed.code, exitCodes.rejected);
  t.regex(failed.stderr, /stdin:2: it is not JSON/);
  const skipped = await sluice("produce checked --on-rejected skip", { stdin });
  t.is(skipped.code, exitCodes.ok);
  t.regex(skipped.stderr, /stdin:2: [^]*stdin:4: [^]*Stored 2 events in checked in .*, 3 lines rejected/);

  const folder = await temporaryFolder(t);
  const kept = await sluice("produce checked --on-rejected bad.jsonl", { stdin, cwd: folder });
  t.is(kept.code, exitCodes.ok);
  const lines = (await readFile(join(folder, "bad.jsonl"), "utf8")).trimEnd().split("\n").toSorted();
  t.deepEqual(lines, ["not json", `{"mass":3}`, "\u00ff"].toSorted());
});

test("a line that is too long, or not UTF-8, is rejected alone", async (t) => {
  const sluice = onMemory();
  await sluice("topic create bounded");
  const stdin = new PassThrough();
  stdin.end(Buffer.concat([Buffer.from(`"${"x".repeat(100)}"\n"short"\n`), Buffer.from([0xff, 0x0a])]));
  const produced = await sluice("produce bounded --max-line 50 --on-rejected skip", { stdin });
  t.regex(produced.stderr, /stdin:1: it is longer than 50 bytes/);
  t.regex(produced.stderr, /stdin:3: it is not UTF-8/);
  t.is((await sluice("consume bounded --until end -o metadata")).stdout, `"short"\n`);
});

test("data comes from one file, or from the files that a field names, and from nowhere else", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "images"));
  await writeFile(join(folder, "images", "one.png"), "one");
  await writeFile(join(folder, "secret"), "secret");
  await symlink("../secret", join(folder, "images", "link"));
  const sluice = onMemory();
  await sluice("topic create images");
  const stdin = `{"image":"one.png"}\n{"image":"../secret"}\n{"image":"link"}\n{"image":"none"}\n{"other":1}\n`;
  const produced = await sluice("produce images --data-field image --data-dir images --on-rejected skip", {
    stdin,
    cwd: folder,
  });
  t.regex(produced.stderr, /stdin:2: its data file \.\.\/secret is not below/);
  t.regex(produced.stderr, /stdin:3: its data file link is not below/);
  t.regex(produced.stderr, /stdin:4: its data file none cannot be read/);
  await sluice("produce images --data secret", { stdin: "{}\n", cwd: folder });
  const consumed = await sluice("consume images --until end --select all");
  const data = consumed.stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { data?: string }).data);
  t.deepEqual(data, [Buffer.from("one").toString("base64"), undefined, Buffer.from("secret").toString("base64")]);
});

test("produce --format event stores what consume prints", async (t) => {
  const sluice = onMemory();
  await sluice("topic create from --partitions 3");
  await sluice("topic create to --partitions 3");
  await sluice("produce from --format event", {
    stdin: `{"metadata":{"n":1},"partition":2,"data":"AAEC"}\n{"metadata":[],"partition":1}\n`,
  });
  const printed = await sluice("consume from --until end --select all");
  const copied = await sluice("produce to --format event --json", { stdin: printed.stdout });
  t.like(JSON.parse(copied.stdout), { stored: 2 });
  const again = await sluice("consume to --until end --select all");
  const plain = (text: string) =>
    text
      .replaceAll(/"(topic|timestamp)":"[^"]*",/g, "")
      .split("\n")
      .toSorted();
  t.deepEqual(plain(again.stdout), plain(printed.stdout));
  const bad = await sluice("produce to --format event", { stdin: `{"metadata":1,"data":"*"}\n` });
  t.regex(bad.stderr, /stdin:1: "data" must be base64/);
});

test("a requested partition is kept, and one that does not exist rejects the event", async (t) => {
  const sluice = onMemory();
  await sluice("topic create parts --partitions 2");
  await sluice("produce parts --partition 1", { stdin: "1\n2\n" });
  const list = JSON.parse((await sluice("partition list parts --json")).stdout) as { end: number }[];
  t.deepEqual(
    list.map(({ end }) => end),
    [0, 2],
  );
  t.is((await sluice("produce parts --partition 5", { stdin: "1\n" })).code, exitCodes.rejected);
});

test("SIGINT reads no further, stores what was read, and ends with 130", async (t) => {
  const sluice = onMemory();
  await sluice("topic create endless");
  const stdin = new PassThrough();
  let interrupt = () => {};
  const produced = sluice("produce endless --receipts", {
    stdin,
    withSignal: (send) => (interrupt = () => send("SIGINT")),
    onOutput: (text) => text.includes(`"id":1`) && interrupt(),
  });
  stdin.write("1\n2\n");
  const { code, stderr } = await produced;
  t.is(code, exitCodes.interrupted);
  t.regex(stderr, /Stopping by SIGINT[^]*Stored 2 events/);
  t.is((await sluice("consume endless --until end -o metadata")).stdout, "1\n2\n");
});

test("--receipts prints where each event is", async (t) => {
  const sluice = onMemory();
  await sluice("topic create slips --partitions 2");
  const { stdout } = await sluice("produce slips --receipts", { stdin: "1\n2\n3\n" });
  const ids = stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { partition, id } = JSON.parse(line) as { partition: number; id: number };
      return `${partition}/${id}`;
    });
  t.deepEqual(ids.toSorted(), ["0/0", "0/1", "1/0"]);
});
