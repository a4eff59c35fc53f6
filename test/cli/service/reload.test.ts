import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { connect } from "sluice";
import { hashToken, makeToken } from "sluice/backends/service/server";
import { exitCodes } from "../../../cli/exitCodes.ts";
import type { GroupFile } from "../../../cli/service/groupFile.ts";
import { until } from "../../service/served.ts";
import { runCommand, startProcess, temporaryFolder } from "../runCommand.ts";

/** A service in a process of its own, of a configuration that a test changes. */
async function serving(t: ExecutionContext, more: object = {}) {
  const cwd = await temporaryFolder(t);
  const [ann, bob] = [makeToken(), makeToken()];
  const entries = { ann: { user: "ann", hash: hashToken(ann) }, bob: { user: "bob", hash: hashToken(bob) } };
  const configure = (tokens: readonly object[], others: object = {}) => {
    const config = {
      backends: { main: { type: "memory" } },
      listeners: [
        { type: "tcp", port: 0 },
        { type: "websocket", port: 0 },
      ],
      tokens,
      access: [{ users: ["*"], topics: ["*"], allow: ["publish", "subscribe", "admin"] }],
      ...more,
      ...others,
    };
    return writeFile(join(cwd, "service.json"), JSON.stringify(config));
  };
  await configure([entries.ann, entries.bob]);
  const service = startProcess(["serve", "-c", "service.json"], cwd);
  t.teardown(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });
  await service.said("ws://");
  const { members } = JSON.parse(await readFile(join(cwd, "sluice.json"), "utf8")) as GroupFile;
  const reload = () => runCommand(["reload", "--json"], { cwd });
  return { cwd, service, members, configure, reload, ann, bob, entries };
}

test("a token that is taken out of the configuration closes its sessions and is not taken by the page either", async (t) => {
  const { members, configure, reload, ann, bob, entries } = await serving(t);
  const addresses = members[0]!.addresses;
  const web = addresses.find((each) => each.startsWith("ws"))!;
  const status = (token: string) =>
    fetch(`${web.replace("ws", "http")}/status`, { headers: { authorization: `Bearer ${token}` } });
  const [hers, hersToo, his] = [
    await connect(addresses[0]!, { token: ann }),
    await connect(web, { token: ann }),
    await connect(addresses[0]!, { token: bob }),
  ];
  const topic = await his.createTopic<number>("a");
  const waits = [hers, hersToo].map(async (driver) => (await driver.openTopic<number>("a")).consumer("app").pull());
  const closed = waits.map((wait) => t.throwsAsync(wait, { code: "ERR_UNAUTHORIZED" }));
  t.is((await status(ann)).status, 200);

  await configure([entries.bob]);
  t.deepEqual(JSON.parse((await reload()).stdout), { reloaded: true, later: [] });
  await Promise.all(closed);
  t.is((await status(ann)).status, 401);
  t.is((await status(bob)).status, 200);
  await t.throwsAsync(connect(addresses[0]!, { token: ann }), { code: "ERR_UNAUTHORIZED" });
  t.is(await topic.producer().push(1), 0, "nobody else has noticed");

  await configure([entries.ann, entries.bob]);
  t.is((await reload()).code, 0);
  t.is((await status(ann)).status, 200);
  for (const driver of [hers, hersToo, his]) await driver.close();
});

test("a configuration that is wrong is refused, by name, and everything stays as it was", async (t) => {
  const { cwd, service, members, configure, reload, ann, entries } = await serving(t);
  const driver = await connect(members[0]!.addresses[0]!, { token: ann });
  await configure([{ user: "bob", hash: ann }]);
  const refused = await reload();
  t.is(refused.code, exitCodes.usage, refused.stderr);
  t.regex(refused.stderr, /tokens\[0\]\.hash must match/);
  t.false(refused.stderr.includes(ann));
  t.deepEqual(await driver.listTopics(), []);

  await writeFile(join(cwd, "service.json"), "{");
  t.regex((await reload()).stderr, /service\.json cannot be read as JSON/);
  await configure([], { tokens: undefined, access: undefined });
  t.regex((await reload()).stderr, /'tokens' cannot come or go/);
  t.deepEqual(await driver.listTopics(), []);

  await configure([entries.ann], { leaseTime: 5000, listeners: [{ type: "tcp", port: 0 }] });
  t.deepEqual(JSON.parse((await reload()).stdout), { reloaded: true, later: ["leaseTime", "listeners"] });
  t.deepEqual(await driver.listTopics(), []);
  await driver.close();
  t.false(service.text().includes(ann));
});

test("every process of a service reads its configuration again, and one that is started anew has it too", async (t) => {
  const { cwd, members, configure, reload, ann, bob, entries } = await serving(t, { ranks: 2 });
  const at = (rank: number, token: string) => connect(members[rank]!.addresses[0]!, { token });
  const hers = await Promise.all([at(0, ann), at(1, ann)]);
  await configure([entries.bob]);
  const { code, stderr } = await reload();
  t.is(code, 0, stderr);
  for (const [rank, driver] of hers.entries()) {
    await t.throwsAsync(driver.listTopics(), { code: "ERR_UNAUTHORIZED" });
    await t.throwsAsync(at(rank, ann), { code: "ERR_UNAUTHORIZED" });
    const his = await at(rank, bob);
    t.deepEqual(await his.listTopics(), []);
    await his.close();
    await driver.close().catch(() => {});
  }
  const pid = members[1]!.pid!;
  process.kill(pid, "SIGKILL");
  await until(async () => {
    const group = JSON.parse(await readFile(join(cwd, "sluice.json"), "utf8")) as GroupFile;
    return group.members[1]!.pid !== pid;
  });
  await t.throwsAsync(at(1, ann), { code: "ERR_UNAUTHORIZED" });
  const his = await at(1, bob);
  t.deepEqual(await his.listTopics(), []);
  await his.close();
});

test("reload says when there is no service to be told", async (t) => {
  const cwd = await temporaryFolder(t);
  t.is((await runCommand(["reload"], { cwd })).code, exitCodes.notFound);
});
