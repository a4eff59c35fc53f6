import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import test from "ava";
import { exitCodes } from "../../cli/exitCodes.ts";
import { guides } from "../../cli/guides.ts";
import { onMemory, runCommand, temporaryFolder } from "./runCommand.ts";
import { readFile } from "node:fs/promises";
import { root } from "../house/run.ts";

test("--help and --version go to stdout and end with 0", async (t) => {
  const help = await runCommand(["--help"]);
  t.is(help.code, 0);
  t.regex(help.stdout, /Usage: sluice[^]*topic[^]*produce[^]*Exit codes:/);
  const version = await runCommand(["--version"]);
  t.regex(version.stdout, /^\d+\.\d+\.\d+/);
  t.is(version.stderr, "");
});

test("a wrong command line is one line on stderr, with what was meant", async (t) => {
  for (const [args, message] of [
    [["toopic"], /^sluice: unknown command 'toopic' \(Did you mean topic\?\) \(see --help\)\n$/],
    [["topic", "create"], /^sluice: missing required argument 'name'/],
    [["topic", "create", "a", "--partitons", "3"], /unknown option '--partitons' \(Did you mean --partitions\?\)/],
    [["topic", "create", "a", "--partitions", "many"], /It must be a whole number of at least 1/],
    [["topic", "create", "a", "--validater.type", "x"], /no option --validater\.…, did you mean --validator\.…\?/],
    [["topic", "create", "a", "--validator.type"], /--validator\.type needs a value/],
    [["topic", "create", "a", "--topic.__proto__.x", "1"], /key that is not allowed: "__proto__"/],
    [["topic", "list", "--driver", "data"], /'url' must begin with a scheme/],
    [["topic", "list", "--driver", "nosuch:x"], /There is no backend for "nosuch:"/],
    [["topic", "list", "--driver", "log:x", "--driver.durabilty", "os"], /did you mean "durability"\?/],
    [["topic", "create", "a", "--validator", "schem", "--driver", "memory:"], /"schem" \(did you mean "schema"\?/],
    [["topic", "create", "a", "--serializer", "jsn", "--driver", "memory:"], /did you mean "json"\?/],
    [["topic", "list", "--driver", "unix:x", "--driver.maxdelay", "9"], /did you mean "maxDelay"\?/],
    [["topic", "list", "--driver", "sluice://"], /'url' must have a host and a port/],
    [["topic", "list"], /No backend is named \(give --driver/],
    [[], /A command is missing/],
  ] as const) {
    const { code, stderr } = await runCommand(args, { cwd: "/" });
    t.is(code, exitCodes.usage, args.join(" "));
    t.regex(stderr, message);
    if (args.length > 0) t.is(stderr.split("\n").length, 2, "one line, and nothing behind it");
  }
});

test("a secret on the command line is refused, wherever it stands among the options of a backend", async (t) => {
  const secret = "correct-horse-battery-staple";
  for (const line of [
    `topic list --driver unix:x --driver.token ${secret}`,
    `topic list --driver kafka://x:1 --driver.sasl.password ${secret}`,
    `topic list --driver unix:x --driver.tls {"key":"${secret}-----BEGIN"}`,
    `forward --driver memory: --from a --to b --to-driver unix:x --to-driver.token ${secret}`,
    `forward --driver unix:x --driver.token ${secret} --from a --to b`,
    `serve --driver unix:x --driver.token ${secret} --port 0`,
  ]) {
    const { code, stderr } = await runCommand(line.split(" "), { cwd: "/" });
    t.is(code, exitCodes.usage, line);
    t.regex(stderr, /would show the (token|password|key) to every user of this machine/, line);
    t.false(stderr.includes(secret));
  }
});

test("the backend comes from --driver, or SLUICE_DRIVER, or a group file", async (t) => {
  const env = { SLUICE_DRIVER: "memory:cli-environment" };
  t.is((await runCommand(["topic", "create", "here"], { env })).code, 0);
  t.is((await runCommand(["topic", "list", "--driver", "memory:cli-environment"])).stdout, "here\n");
  t.is((await runCommand(["topic", "list", "--driver", "memory:cli-other"], { env })).stdout, "");
  const missing = await runCommand(["topic", "list", "--groupfile", "/nowhere/sluice.json"], { env });
  t.is(missing.code, exitCodes.notFound);
  const both = await runCommand(["topic", "list", "--groupfile", "a.json", "--driver", "memory:"]);
  t.is(both.code, exitCodes.usage);
});

test("exit codes tell apart what is missing, there already, and sealed", async (t) => {
  const sluice = onMemory();
  t.is((await sluice("topic describe nothing")).code, exitCodes.notFound);
  t.is((await sluice("topic create one")).code, exitCodes.ok);
  t.is((await sluice("topic create one")).code, exitCodes.conflict);
  t.is((await sluice("topic create one --if-missing")).code, exitCodes.ok);
  t.is((await sluice("topic seal one")).code, exitCodes.ok);
  t.is((await sluice("produce one", { stdin: "1\n" })).code, exitCodes.conflict);
  t.is((await sluice("topic create a/b")).code, exitCodes.usage);
  t.is((await sluice("partition add one --rank 1")).code, exitCodes.usage);
});

test("--json writes results and errors for programs, and --verbose shows what is underneath", async (t) => {
  const sluice = onMemory();
  t.deepEqual(JSON.parse((await sluice("topic create one --partitions 2 --json")).stdout), {
    topic: "one",
    created: true,
  });
  const missing = await sluice("topic describe nothing --json");
  const { error } = JSON.parse(missing.stderr) as { error: Record<string, unknown> };
  t.is(error["code"], "ERR_TOPIC_NOT_FOUND");
  t.is(error["exitCode"], 3);
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "bad.json"), `{"a":`);
  const bad = await sluice("topic create two --topic-config bad.json --verbose", { cwd: folder });
  t.regex(bad.stderr, /^sluice: bad\.json cannot be read as JSON[^]*\n {2}because: Unexpected end of JSON input/);
});

test("an error of the system is a sentence that names the path", async (t) => {
  const sluice = onMemory();
  const folder = await temporaryFolder(t);
  await sluice("topic create one");
  const missing = await sluice("produce one --data missing.bin", { cwd: folder, stdin: "1\n" });
  t.is(missing.stderr, `sluice: There is no file or directory ${join(folder, "missing.bin")}\n`);
  t.is(missing.code, exitCodes.notFound);
  await writeFile(join(folder, "file"), "");
  const file = await sluice("verify file", { cwd: folder });
  t.regex(file.stderr, /^sluice: A part of .*file.* is no directory\n$/);
});

test("colours are for terminals only, and NO_COLOR takes them away", async (t) => {
  const isColoured = async (isTTY: boolean, env: Record<string, string>) =>
    (await runCommand(["nothing"], { isTTY, env })).stderr.includes("\u001b[");
  t.true(await isColoured(true, {}));
  t.false(await isColoured(false, {}));
  t.false(await isColoured(true, { NO_COLOR: "1" }));
  t.false(await isColoured(true, { TERM: "dumb" }));
  t.true(await isColoured(false, { FORCE_COLOR: "1" }));
});

test("an error cannot move the cursor or break the line", async (t) => {
  const { stderr } = await onMemory()("topic describe \u001b[31mred\u202e\nsecond");
  t.false(/\p{Cc}|\p{Cf}/u.test(stderr.replaceAll("\n", "")));
  t.is(stderr.split("\n").length, 2);
});

test("dotted options lie over files, and files over nothing", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "topic.yaml"), "partitions: 5\nretention:\n  maxAge: 1000\nvalidator: schema\n");
  await writeFile(join(folder, "validator.toml"), `schema = "energy.json"\n`);
  await writeFile(join(folder, "energy.json"), `{"type":"object","required":["energy"]}`);
  const sluice = onMemory();
  const created = await sluice(
    "topic create one --topic-config topic.yaml --topic.partitions 2 --validator-config validator.toml --retention.maxBytes=99",
    { cwd: folder },
  );
  t.is(created.code, 0, created.stderr);
  const described = JSON.parse((await sluice("topic describe one --json")).stdout) as Record<
    string,
    { length?: number; validator?: unknown }
  >;
  t.is(described["partitions"]?.length, 2);
  t.deepEqual(described["retention"], { maxAge: 1000, maxBytes: 99 });
  t.deepEqual(described["components"]?.validator, {
    type: "json-schema",
    schema: { type: "object", required: ["energy"] },
  });
  const unknown = await sluice("topic create two --topic.partitons 3");
  t.regex(unknown.stderr, /There is no "partitons" in a topic, did you mean "partitions"\?/);
});

test("components are given by module, and work from another folder", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "energy.mjs"),
    `export const below = ({ max }) => ({ energy }) => { if (energy >= max) throw new Error("too much"); };`,
  );
  const sluice = onMemory();
  await sluice("topic create one --validator below:./energy.mjs --validator.max 7", { cwd: folder });
  const produced = await sluice("produce one --on-rejected skip --json", { stdin: `{"energy":3}\n{"energy":9}\n` });
  t.like(JSON.parse(produced.stdout), { stored: 1, rejected: 1 });
  t.regex(produced.stderr, /stdin:2: .*too much/);
});

test("the guides say what the commands are", async (t) => {
  for (const [path, text] of await guides()) {
    t.is(await readFile(join(root, path), "utf8"), text, `${path} is out of step: npm run docs:cli`);
  }
});

test("status goes on when it is asked to, and ends with 0 when it is to stop", async (t) => {
  const sluice = onMemory();
  await sluice("topic create numbers --partitions 2");
  await sluice("produce numbers", { stdin: "1\n2\n" });
  let stop: (signal: "SIGINT") => void = () => {};
  const { code, stdout, stderr } = await sluice("status --every 1 --json", {
    withSignal: (send) => (stop = send),
    onOutput: () => stop("SIGINT"),
  });
  t.is(code, 0, stderr);
  t.like(JSON.parse(stdout), { events: 2, topics: [{ topic: "numbers", partitions: 2, events: 2 }] });
});
