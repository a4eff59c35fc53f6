import { readFile } from "node:fs/promises";
import test from "ava";
import type { SaslOptions } from "../../backends/kafka/index.ts";
import { connect, isSluiceError } from "../../src/index.ts";
import { users } from "./cluster/credentials.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

const ca = () => readFile(process.env["SLUICE_KAFKA_CA"]!, "utf8");

/** A token that the brokers take without a signature, as they do when nobody has told them of an authority. */
function unsignedToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ sub: "alice", iat: now, exp: now + 3600 })}.`;
}

const ways: readonly SaslOptions[] = [
  { mechanism: "PLAIN", username: "alice", password: users.alice },
  { mechanism: "SCRAM-SHA-256", username: "alice", password: users.alice },
  { mechanism: "SCRAM-SHA-512", username: "alice", password: async () => users.alice },
  { mechanism: "OAUTHBEARER", token: async () => unsignedToken() },
];

for (const sasl of ways) {
  test(`events are stored and read over TLS by ${sasl.mechanism}`, async (t) => {
    const tls = { ca: await ca() };
    const driver = await connect(`kafka://${brokersUnderTest("_TLS").replaceAll("127.0.0.1", "localhost")}/`, {
      ...impatient,
      tls,
      sasl,
    });
    const topic = await driver.createTopic<{ n: number }>(`secure-${sasl.mechanism}-${process.pid}`);
    await topic.producer().push({ n: 7 });
    const event = await topic.consumer("reader").pull();

    t.is(event.metadata.n, 7);
    await driver.close();
  });
}

test("a wrong password is ERR_UNAUTHORIZED at once, and is not in the message", async (t) => {
  const sasl = { mechanism: "SCRAM-SHA-512", username: "alice", password: "geheim" };
  const driver = await connect(`kafka://${brokersUnderTest("_SASL")}/`, { ...impatient, sasl });
  const error = await t.throwsAsync(driver.listTopics());

  t.true(isSluiceError(error, "ERR_UNAUTHORIZED"), String(error));
  t.false(String(error).includes("geheim"));
  await driver.close();
});

test("brokers whose certificate nobody vouches for are not talked to", async (t) => {
  const sasl = { mechanism: "PLAIN", username: "alice", password: users.alice };
  const driver = await connect(`kafka://${brokersUnderTest("_TLS")}/`, {
    ...impatient,
    tls: {},
    sasl,
    retryTimeout: 500,
  });
  const error = await t.throwsAsync(driver.listTopics());

  t.true(isSluiceError(error, "ERR_UNREACHABLE"), String(error));
  await driver.close();
});

test("nobody listens: ERR_UNREACHABLE after the time for retries", async (t) => {
  const driver = await connect("kafka://127.0.0.1:1/", { ...impatient, retryTimeout: 300 });
  const error = await t.throwsAsync(driver.listTopics());

  t.true(isSluiceError(error, "ERR_UNREACHABLE"), String(error));
  await driver.close();
});
