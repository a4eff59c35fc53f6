import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test, { type ExecutionContext } from "ava";
import { connect } from "sluice";
import { hashToken, makeToken } from "sluice/backends/service/server";
import { CommandError } from "../../../cli/commandError.ts";
import { startRanks } from "../../../cli/service/ranks/startRanks.ts";
import { loadServiceConfig } from "../../../cli/service/serviceConfig.ts";
import { startService } from "../../../cli/service/startService.ts";
import { certificate } from "../../service/certificate.ts";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { runCommand, temporaryFolder } from "../runCommand.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** A configuration with a certificate, by paths that are relative to it, and a token. */
async function configured(t: ExecutionContext, more: object = {}) {
  const [cwd, { files, cert }, token] = [await temporaryFolder(t), await certificate(t), makeToken()];
  await mkdir(join(cwd, "conf", "tls"), { recursive: true });
  await cp(files.cert, join(cwd, "conf", "tls", "cert.pem"));
  await cp(files.key, join(cwd, "conf", "tls", "key.pem"));
  const config = {
    backends: { main: { type: "memory" } },
    listeners: [
      { type: "tcp", host: "0.0.0.0", port: 0 },
      { type: "websocket", host: "0.0.0.0", port: 0 },
    ],
    tls: { cert: "tls/cert.pem", key: "tls/key.pem" },
    tokens: [{ user: "ann", hash: hashToken(token) }],
    access: [{ users: ["ann"], topics: ["*"], allow: ["publish", "subscribe", "admin"] }],
    log: { level: "silent" },
    ...more,
  };
  await writeFile(join(cwd, "conf", "service.json"), JSON.stringify(config));
  return { config: await loadServiceConfig("conf/service.json", {}, cwd), cert, token, cwd };
}

test("a certificate of the configuration is shown to programs, pages and browsers, beyond this machine too", async (t) => {
  const { config, cert, token } = await configured(t);
  const service = await startService(config, silent);
  t.teardown(() => service.close({ deadline: 0 }));
  const addresses = service.addresses.map((address) => address.replace("0.0.0.0", "localhost"));
  t.deepEqual(
    addresses.map((address) => address.slice(0, address.indexOf(":"))),
    ["sluices", "wss"],
  );
  for (const [i, address] of addresses.entries()) {
    await t.throwsAsync(connect(address, { token }), { code: "ERR_UNREACHABLE" }, "an authority that nobody knows");
    const driver = await connect(address, { token, tls: { ca: cert } });
    const topic = await driver.createTopic<number>(`t${i}`);
    t.is(await topic.producer().push(1), 0);
    await driver.close();
  }
  const status = await new Promise((resolve, reject) => {
    get(addresses[1]!.replace(/^wss/, "https") + "/health", { ca: cert }, ({ statusCode }) => resolve(statusCode)).on(
      "error",
      reject,
    );
  });
  t.is(status, 200);
});

test("a command is told by file names which authority to trust", async (t) => {
  const { config, token, cwd } = await configured(t);
  const service = await startService(config, silent);
  t.teardown(() => service.close({ deadline: 0 }));
  await writeFile(join(cwd, "token"), `${token}\n`);
  const names = ["--driver.tls.ca", "conf/tls/cert.pem", "--driver.tokenFile", "token"];
  for (const address of service.addresses) {
    const driver = address.replace("0.0.0.0", "localhost");
    const run = (...args: string[]) => runCommand([...args, "--driver", driver, ...names], { cwd });
    const created = await run("topic", "create", "numbers", "--if-missing");
    t.is(created.code, 0, created.stderr);
  }
  const [tcp, web] = service.addresses.map((address) => address.replace("0.0.0.0", "localhost"));
  const unknown = await runCommand(["topic", "list", "--driver", tcp!, "--driver.tokenFile", "token"], { cwd });
  t.is(unknown.code, exitCodes.unavailable);
  const missing = await runCommand(["topic", "list", "--driver", tcp!, "--driver.tls.ca", "nothing.pem"], { cwd });
  t.is(missing.code, exitCodes.notFound);
  t.regex(missing.stderr, /nothing\.pem cannot be read/);
  const status = await runCommand(["status", "--driver", web!, ...names, "--json"], { cwd });
  t.is(
    (JSON.parse(status.stdout) as { topics: { backend: string }[] }).topics[0]!.backend,
    "main",
    "as the service says",
  );
});

test("a certificate that was renewed is shown to who connects from then on, and connections that there are go on", async (t) => {
  const { config, cert, token } = await configured(t);
  const service = await startService(config, silent);
  t.teardown(() => service.close({ deadline: 0 }));
  const addresses = service.addresses.map((address) => address.replace("0.0.0.0", "localhost"));
  const before = await Promise.all(addresses.map((address) => connect(address, { token, tls: { ca: cert } })));
  const renewed = await certificate(t);
  await cp(renewed.files.cert, config.tls!.cert);
  await t.throwsAsync(service.reload(config), undefined, "the key is still the old one");
  await cp(renewed.files.key, config.tls!.key);
  await service.reload(config);
  for (const [i, address] of addresses.entries()) {
    await t.throwsAsync(connect(address, { token, tls: { ca: cert } }), { code: "ERR_UNREACHABLE" });
    await (await connect(address, { token, tls: { ca: renewed.cert } })).close();
    t.deepEqual(await before[i]!.listTopics(), []);
    await before[i]!.close();
  }
});

test("a certificate that cannot be read is named, and nothing is left running", async (t) => {
  const { config } = await configured(t, { tls: { cert: "tls/cert.pem", key: "tls/nothing.pem" } });
  const error = await t.throwsAsync(startService(config, silent), { instanceOf: CommandError });
  t.regex(error.message, /tls\/nothing.pem cannot be read/);
});

test("all ranks of a service show the certificate and want the token", async (t) => {
  const { config, cert, token } = await configured(t, { ranks: 2, groupFile: "sluice.json" });
  const service = await startRanks(config, silent, { stderr: new PassThrough(), env: process.env });
  t.teardown(() => service.close({ deadline: 0 }));
  const [first] = service.addresses;
  const driver = await connect(first!.replace("0.0.0.0", "localhost"), { token, tls: { ca: cert } });
  t.teardown(() => driver.close({ deadline: 0 }));
  const topic = await driver.createTopic<number>("shared", { partitions: 2 });
  const producer = topic.producer();
  for (let n = 0; n < 10; n++) producer.push(n);
  await producer.flush();
  const { members } = JSON.parse(await readFile(config.groupFile, "utf8")) as { members: { addresses: string[] }[] };
  const rank1 = members[1]!.addresses[0]!.replace("0.0.0.0", "localhost");
  await t.throwsAsync(connect(rank1, { tls: { ca: cert } }), { code: "ERR_UNAUTHORIZED" });
  t.deepEqual(
    (await topic.describe()).partitions.map(({ rank, end }) => [rank, end]),
    [
      [0, 5],
      [1, 5],
    ],
  );
});
