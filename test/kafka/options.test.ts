import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { readOptions } from "../../backends/kafka/options.ts";
import { readAuthFile } from "../../backends/kafka/security/authFile.ts";
import { securityOf } from "../../backends/kafka/security/sasl.ts";
import { connect, isSluiceError } from "../../src/index.ts";

test("a URL names brokers and options", (t) => {
  const options = readOptions("kafka://one:1234,two,[::1]:99/?compression=gzip&fetchWait=7&namespace=lab", {});

  t.deepEqual(options.brokers, [
    { host: "one", port: 1234 },
    { host: "two", port: 9092 },
    { host: "::1", port: 99 },
  ]);
  t.is(options.compression, "gzip");
  t.is(options.fetchWait, 7);
  t.is(options.prefix, "lab.");
  t.is(options.chunkBytes, 262_144);
});

test("what stands beside the URL counts more", (t) => {
  t.is(readOptions("kafka://one/?fetchWait=7", { fetchWait: 8 }).fetchWait, 8);
});

for (const [url, given, message] of [
  ["kafka:", {}, /form "kafka:/],
  ["kafka://", {}, /must name a broker/],
  ["kafka://host:99999/", {}, /host:port/],
  ["kafka://one/?fetchWait=soon", {}, /fetchWait.*NaN/],
  ["kafka://one/?wrong=1", {}, /no parameter "wrong"/],
  ["kafka://one/", { layout: "avro" }, /layout.*"avro"/],
  ["kafka://one/", { compression: "brotli" }, /compression.*"brotli"/],
  ["kafka://one/?groupProtocol=newer", {}, /groupProtocol.*"newer"/],
  ["kafka://one/", { namespace: "a b" }, /namespace.*"a b"/],
  ["kafka://one/", { heartbeatInterval: 5000, sessionTimeout: 5000 }, /heartbeatInterval.*5000/],
] as const) {
  test(`${url} with ${JSON.stringify(given)} is refused`, async (t) => {
    const error = await t.throwsAsync(connect(url, given));

    t.regex(error.message, message);
    t.true(error instanceof TypeError || error instanceof RangeError);
  });
}

test("a password in a URL is refused, and the message does not repeat it", async (t) => {
  const error = await t.throwsAsync(connect("kafka://alice:geheim@host/"), { instanceOf: TypeError });

  t.false(error.message.includes("geheim"));
});

test("the environment says who comes in", async (t) => {
  const hosts = ["host"];
  const byName = await securityOf({ hosts }, { SLUICE_KAFKA_USERNAME: "alice", SLUICE_KAFKA_PASSWORD: "p" });
  t.deepEqual(byName.sasl, { mechanism: "SCRAM-SHA-512", username: "alice", password: "p" });
  const byToken = await securityOf({ hosts }, { SLUICE_KAFKA_TOKEN: "t" });
  t.deepEqual(byToken.sasl, { mechanism: "OAUTHBEARER", token: "t" });
  t.is((await securityOf({ hosts }, {})).sasl, undefined);
});

test("credentials that are not complete are refused without being repeated", async (t) => {
  const error = await t.throwsAsync(securityOf({ hosts: [], sasl: { mechanism: "PLAIN", password: "geheim" } }, {}));

  t.true(isSluiceError(error, "ERR_UNAUTHORIZED"));
  t.false(error.message.includes("geheim"));
});

const authToml = `
[[auth]]
username = "alice"
password = "geheim"
hostname = "kafka.example.org"
mechanism = "SCRAM_SHA_512"
protocol = "SASL_SSL"

[[auth]]
username = "bob"
password = "auch"
protocol = "SASL_PLAINTEXT"
`;

test("hop's auth.toml says who comes in where", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-auth-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, "auth.toml");
  await writeFile(file, authToml, { mode: 0o600 });

  const { sasl } = await readAuthFile(file, ["kafka.example.org"]);
  t.deepEqual(sasl, { mechanism: "SCRAM-SHA-512", username: "alice", password: "geheim" });
  t.is((await readAuthFile(file, ["elsewhere"])).sasl.username, "bob");
  t.deepEqual((await securityOf({ hosts: ["kafka.example.org"], authFile: file }, {})).tls, {});
  t.is((await securityOf({ hosts: ["elsewhere"], authFile: file }, {})).tls, undefined);
});

test("a file of credentials that others can read is refused", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-auth-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, "auth.toml");
  await writeFile(file, authToml);
  await chmod(file, 0o640);
  const error = await t.throwsAsync(readAuthFile(file, ["kafka.example.org"]));

  t.true(isSluiceError(error, "ERR_UNAUTHORIZED"));
  t.regex(error.message, /chmod 600/);
});

test("a file of credentials that is not TOML is refused without being quoted", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-auth-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, "auth.toml");
  await writeFile(file, 'password = "geheim', { mode: 0o600 });
  const error = await t.throwsAsync(readAuthFile(file, []));

  t.false(`${error.message} ${String(error.cause)}`.includes("geheim"));
});
