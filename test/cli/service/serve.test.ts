import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { connect, isSluiceError } from "sluice";
import { exitCodes } from "../../../cli/exitCodes.ts";
import type { ServiceStatus } from "../../../cli/service/serviceStatus.ts";
import { runCommand, temporaryFolder, type Ran } from "../runCommand.ts";

/** A service that runs in this process, on ports of its own. */
async function serve(t: ExecutionContext, args: readonly string[], cwd: string) {
  let stop = () => {};
  let stdout = "";
  let ended: Promise<Ran> | undefined;
  const addresses = await new Promise<string[]>((resolve, reject) => {
    ended = runCommand(["serve", "--json", ...args], {
      cwd,
      withSignal: (send) => (stop = () => send("SIGTERM")),
      onOutput: (text) => {
        stdout += text;
        const line = stdout.split("\n").find((each) => each.startsWith(`{"addresses"`));
        if (line !== undefined) resolve((JSON.parse(line) as { addresses: string[] }).addresses);
      },
    });
    ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  t.teardown(async () => {
    stop();
    await ended;
  });
  const web = addresses.find((each) => each.startsWith("ws"))?.replace(/^ws/, "http");
  return {
    addresses,
    stop: async () => {
      stop();
      return (await ended)!;
    },
    get: (path: string, headers: Record<string, string> = {}) => fetch(`${web}${path}`, { headers }),
  };
}

test("a service needs no configuration, and the seeds' getting started works with its group file", async (t) => {
  const cwd = await temporaryFolder(t);
  const service = await serve(t, ["--port", "0"], cwd);
  const sluice = (line: string, stdin = "") => runCommand(line.split(" "), { cwd, stdin });
  t.is((await sluice("topic create my_topic --groupfile sluice.json")).code, 0);
  const added = await sluice("partition add my_topic --type log --rank 0 --groupfile sluice.json");
  t.is(added.stdout, "my_topic has 2 partitions.\n", added.stderr);
  t.is((await sluice("partition add my_topic --type memory")).code, exitCodes.usage);
  t.is((await sluice("partition add my_topic --rank 1")).code, exitCodes.usage);
  t.regex((await sluice("produce my_topic", "1\n2\n3\n")).stderr, /Stored 3 events/);
  const consumed = await sluice("consume my_topic --name app --acknowledge each --until end -o metadata");
  t.deepEqual(consumed.stdout.split("\n").toSorted(), ["", "1", "2", "3"]);
  t.regex((await sluice("status")).stdout, /my_topic +log +2 +3[^]*app +my_topic +0 +0/);
  t.is((await stat(join(cwd, "sluice.json"))).mode & 0o777, 0o600);

  const { code } = await service.stop();
  t.is(code, 0);
  await t.throwsAsync(stat(join(cwd, "sluice.json")), { code: "ENOENT" });
  const gone = await sluice("topic list");
  t.is(gone.code, exitCodes.usage);
  t.is((await sluice("shutdown")).code, exitCodes.notFound);
});

test("a configuration names parts, and topics go where its rules say", async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, "conf"));
  await writeFile(
    join(cwd, "conf", "service.yaml"),
    `
backends:
  quick: { type: memory }
  disk: { type: log, path: ../data, durability: os }
topics:
  - { match: run-*, backend: disk }
create:
  - { name: run-1, partitions: 2, validator: { type: event-pattern, pattern: { n: [{ exists: true }] } } }
listeners:
  - { type: unix, path: ../sluice.sock }
  - { type: websocket, port: 0, page: false }
groupFile: ../group.json
log: { level: silent }
`,
  );
  const service = await serve(t, ["-c", "conf/service.yaml"], cwd);
  const sluice = (line: string, stdin = "") => runCommand([...line.split(" "), "-g", "group.json"], { cwd, stdin });
  await sluice("topic create scratch");
  t.is((await sluice("topic create run-1")).code, exitCodes.conflict);
  t.is((await sluice("topic list")).stdout, "run-1\nscratch\n");
  const { topics, capabilities } = JSON.parse((await sluice("status --json")).stdout) as {
    topics: { topic: string; backend: string }[];
    capabilities: { durability: string };
  };
  t.deepEqual(
    topics.map(({ topic, backend }) => [topic, backend]),
    [
      ["run-1", "disk"],
      ["scratch", "quick"],
    ],
  );
  t.is(capabilities.durability, "memory", "that of the weakest");
  t.is((await sluice("produce run-1", `{"m":1}\n`)).code, exitCodes.rejected);
  t.is((await sluice("produce run-1", `{"n":1}\n`)).code, 0);
  t.is((await service.get("/")).status, 404);
  t.is((await runCommand(["topic", "list", "--driver", `unix:${join(cwd, "sluice.sock")}`])).code, 0);
  t.is((await sluice("topic delete scratch")).code, 0);
  await service.stop();
  t.is((await runCommand(["topic", "list", "--driver", `log:${join(cwd, "data")}`])).stdout, "run-1\n");
});

test("partition add --type says where a topic is, and what can be done to have one elsewhere", async (t) => {
  const cwd = await temporaryFolder(t);
  const config = {
    backends: { disk: { type: "log", path: "data" }, quick: { type: "memory" } },
    topics: [{ match: "scratch-*", backend: "quick" }],
    listeners: [
      { type: "tcp", port: 0 },
      { type: "websocket", port: 0 },
    ],
  };
  await writeFile(join(cwd, "service.json"), JSON.stringify(config));
  const service = await serve(t, ["-c", "service.json"], cwd);
  const sluice = (line: string) => runCommand(line.split(" "), { cwd });
  await sluice("topic create kept");
  await sluice("topic create scratch-1");
  for (const [line, message] of [
    ["kept --type memory", /"kept" is in "disk" \(log\), and all its partitions are where it is \(.*named scratch-\*/],
    ["kept --type quick", /all its partitions are where it is \(.*named scratch-\*/],
    ["scratch-1 --type log", /"scratch-1" is in "quick" \(memory\)/],
    ["kept --type kafka", /no backend of the type or name "kafka".*: it has "disk" \(log\), "quick" \(memory\)/],
    ["kept --type lgo", /did you mean "log"\?/],
  ] as const) {
    const { code, stderr } = await sluice(`partition add ${line}`);
    t.is(code, exitCodes.usage, line);
    t.regex(stderr, message);
  }
  for (const line of ["kept --type log", "kept --type disk", "scratch-1 --type memory", "scratch-1 --type quick"]) {
    t.is((await sluice(`partition add ${line}`)).code, 0, line);
  }
  t.is((await sluice("partition add nothing --type log")).code, exitCodes.notFound);
  await service.stop();

  const log = `log:${join(cwd, "data")}`;
  t.is((await sluice(`partition add kept --type log --driver ${log}`)).code, 0, "a backend is of the type of its URL");
  const other = await sluice(`partition add kept --type memory --driver ${log}`);
  t.is(other.code, exitCodes.usage);
  t.regex(other.stderr, /"kept" is in a backend of the type log/);
});

test("tokens and rights hold for programs and for HTTP, and no secret is written anywhere", async (t) => {
  const cwd = await temporaryFolder(t);
  const makeToken = async (user: string) =>
    JSON.parse((await runCommand(["token", user, "--json"])).stdout) as { token: string; entry: { hash: string } };
  const [boss, reader] = [await makeToken("boss"), await makeToken("reader")];
  const config = {
    backends: { main: { type: "memory" } },
    create: [{ name: "open" }, { name: "closed" }],
    listeners: [
      { type: "tcp", port: 0 },
      { type: "websocket", port: 0 },
    ],
    tokens: [boss.entry, reader.entry],
    access: [
      { users: ["boss"], topics: ["*"], allow: ["publish", "subscribe", "admin"] },
      { users: ["reader"], topics: ["open"], allow: ["subscribe"] },
    ],
    log: { level: "debug" },
  };
  await writeFile(join(cwd, "service.json"), JSON.stringify(config));
  await writeFile(join(cwd, "token"), `${reader.token}\n`);
  const service = await serve(t, ["-c", "service.json"], cwd);
  const sluice = (line: string, env: Record<string, string> = {}) =>
    runCommand(line.split(" "), { cwd, env, stdin: "1\n" });

  t.is((await sluice("topic list")).code, exitCodes.denied);
  t.is((await sluice("topic list", { SLUICE_TOKEN: "x".repeat(43) })).code, exitCodes.denied);
  t.is((await sluice("produce open", { SLUICE_TOKEN: boss.token })).code, 0);
  t.is((await sluice("produce open --driver.tokenFile token")).code, exitCodes.denied);
  t.is((await sluice("consume open --count 1 --driver.tokenFile token -o metadata")).stdout, "1\n");
  const shown = await sluice(`topic list --driver.token ${boss.token}`);
  t.is(shown.code, exitCodes.usage);
  t.regex(shown.stderr, /would show the token to every user/);

  t.is((await service.get("/health")).status, 200);
  t.is((await service.get("/metrics")).status, 401);
  t.is((await service.get("/status")).status, 401);
  t.is((await service.get("/status", { authorization: `Bearer ${"x".repeat(43)}` })).status, 401);
  t.is((await service.get("/metrics", { authorization: `Bearer ${reader.token}` })).status, 403);
  const seenBy = async (token: string) => {
    const response = await service.get("/status", { authorization: `Bearer ${token}` });
    const { topics, consumers, producers } = (await response.json()) as ServiceStatus;
    return [...new Set([...topics, ...consumers, ...producers].map(({ topic }) => topic))].toSorted();
  };
  t.deepEqual(await seenBy(reader.token), ["open"]);
  t.deepEqual(await seenBy(boss.token), ["closed", "open"]);
  const metrics = await service.get("/metrics", { authorization: `Bearer ${boss.token}` });
  t.regex(await metrics.text(), /sluice_topic_events_total\{topic="open"\} 1\n/);

  const { stdout, stderr } = await service.stop();
  for (const secret of [boss.token, reader.token]) t.false((stdout + stderr + shown.stderr).includes(secret));
});

test("a service that is gone is told apart from one that refuses", async (t) => {
  const cwd = await temporaryFolder(t);
  const service = await serve(t, ["--port", "0", "--driver", "memory:"], cwd);
  await service.stop();
  const { code, stderr } = await runCommand(["topic", "list", "--driver", service.addresses[0]!]);
  t.is(code, exitCodes.unavailable, stderr);
  t.is(stderr.split("\n").length, 2);
});

test("HTTP answers GET of known paths, and of local names only", async (t) => {
  const cwd = await temporaryFolder(t);
  const service = await serve(t, ["--port", "0", "--driver", "memory:"], cwd);
  t.deepEqual(await (await service.get("/health")).json(), { status: "ok" });
  t.is((await service.get("/nothing")).status, 404);
  t.is((await service.get("/../../etc/passwd")).status, 404);
  const web = service.addresses.find((each) => each.startsWith("ws"))!.replace(/^ws/, "http");
  t.is((await fetch(`${web}/status`, { method: "POST" })).status, 405);
  t.is((await fetch(`${web}/status`, { method: "HEAD" })).headers.get("x-content-type-options"), "nosniff");
  const { request } = await import("node:http");
  const status = await new Promise<number | undefined>((resolve) =>
    request(`${web}/status`, { headers: { host: "evil.example" } }, ({ statusCode }) => resolve(statusCode)).end(),
  );
  t.is(status, 403, "a name that somebody gave this machine");
});

test("counts say what went through, for topics, producers and consumers", async (t) => {
  const cwd = await temporaryFolder(t);
  const service = await serve(t, ["--port", "0", "--driver", "memory:"], cwd);
  const driver = await connect(service.addresses[0]!);
  const topic = await driver.createTopic("counted");
  const producer = topic.producer({ name: "app1" });
  for (let n = 0; n < 10; n++) producer.push({ n }, new Uint8Array(100));
  await producer.flush();
  const event = await topic.consumer("app2").pull();
  await event.acknowledge();
  const status = (await (await service.get("/status")).json()) as Record<string, Record<string, unknown>[]>;
  t.like(status["topics"]![0], { topic: "counted", events: 10 });
  t.true((status["topics"]![0]!["bytes"] as number) >= 1000);
  t.is(status["producers"]!.length, 1);
  t.like(status["producers"]![0], { topic: "counted", events: 10 });
  t.like(status["consumers"]![0], { topic: "counted", consumer: "app2", members: 1, lag: 9, positions: [1] });
  await driver.deleteTopic("counted");
  const after = (await (await service.get("/status")).json()) as Record<string, unknown[]>;
  t.deepEqual([after["topics"], after["producers"], after["consumers"]], [[], [], []]);
  await driver.close();
});

test("a wrong configuration is refused, with what was meant, before anything is opened", async (t) => {
  const cwd = await temporaryFolder(t);
  const base = { backends: { main: { type: "log", path: "data" } } };
  for (const [config, message] of [
    [{ ...base, listner: [] }, /There is no "listner" in the configuration, did you mean "listeners"\?/],
    [
      { backends: { main: { type: "logg" } } },
      /backends\.main\.type must be one of memory, log, kafka, url; did you mean "log"\?/,
    ],
    [{ backends: { main: { type: "log" } } }, /backends\.main needs "path"/],
    [{ backends: { main: { type: "log", path: "x", durabilty: "os" } } }, /did you mean "durability"/],
    [{ ...base, listeners: [] }, /listeners must have at least 1/],
    [{ ...base, listeners: [{ type: "tcp", port: 70_000 }] }, /listeners\[0\]\.port must be from 0 to 65535/],
    [{ ...base, limits: { connections: 0 } }, /limits\.connections must be at least 1/],
    [
      { ...base, tokens: [{ user: "a", hash: "a-secret-by-mistake" }] },
      /tokens\[0\]\.hash must match .*: current value is not shown/,
    ],
    [{ ...base, topics: [{ match: "*", backend: "other" }] }, /There is no backend "other"/],
    [{ ...base, listeners: [{ type: "tcp", host: "0.0.0.0", port: 0 }] }, /needs 'tls' and 'tokens'/],
    [[], /must hold an object/],
  ] as const) {
    await writeFile(join(cwd, "service.json"), JSON.stringify(config));
    const { code, stderr } = await runCommand(["serve", "-c", "service.json"], { cwd });
    t.is(code, exitCodes.usage, JSON.stringify(config) + stderr);
    t.regex(stderr, message);
    t.false(stderr.includes("a-secret-by-mistake"));
    await t.throwsAsync(stat(join(cwd, "sluice.json")), { code: "ENOENT" });
  }
});

test("a service tells apart a store that is in use and an address that is taken", async (t) => {
  const cwd = await temporaryFolder(t);
  const first = await serve(t, ["--port", "0", "--driver", "memory:"], cwd);
  const port = new URL(first.addresses[0]!.replace("sluice", "http")).port;
  const second = await runCommand(["serve", "--port", port, "--driver", "memory:", "--group-file", "other.json"], {
    cwd,
  });
  t.is(second.code, exitCodes.conflict, second.stderr);
  t.regex(
    second.stderr,
    new RegExp(`Another program listens at 127\\.0\\.0\\.1:${port} already \\(stop it, or choose`),
  );
  t.true((await readFile(join(cwd, "sluice.json"), "utf8")).includes(port), "the first one's file is left alone");
  const driver = await connect(first.addresses[0]!);
  const error = await t.throwsAsync(driver.openTopic("nothing"));
  t.true(isSluiceError(error, "ERR_TOPIC_NOT_FOUND"));
  await driver.close();
});

test("a group file that cannot be written is named as it was asked for, and the service does not stay", async (t) => {
  const cwd = await temporaryFolder(t);
  const args = ["serve", "--port", "0", "--driver", "memory:", "--group-file", "nodir/group.json"];
  const { code, stderr } = await runCommand(args, { cwd });
  t.is(code, exitCodes.notFound);
  t.true(stderr.includes(`The group file ${join(cwd, "nodir", "group.json")} cannot be written`), stderr);
  t.regex(stderr, /There is no file or directory .*nodir\)/);
  t.false(stderr.includes(".new"));
});
