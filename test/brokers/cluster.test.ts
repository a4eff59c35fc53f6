import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Base } from "@platformatic/kafka";
import test from "ava";
import { users } from "./cluster/credentials.ts";
import { brokersUnderTest } from "./connection.ts";
import { testWithKcat } from "./kcat.ts";

const run = promisify(execFile);

testWithKcat("kcat sees the brokers", async (t) => {
  const { stdout } = await run("kcat", ["-L", "-b", brokersUnderTest()]);

  t.regex(stdout, /1 brokers/);
});

for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
  test(`a user comes in by ${mechanism}, and nobody with a wrong password`, async (t) => {
    const nodesFor = async (password: string) => {
      const bootstrapBrokers = [brokersUnderTest("_SASL")];
      const sasl = { mechanism, username: "alice", password };
      const client = new Base({ clientId: "test", bootstrapBrokers, retries: 0, sasl });
      try {
        return (await client.metadata({ topics: [] })).brokers.size;
      } finally {
        await client.close();
      }
    };

    t.is(await nodesFor(users.alice), 1);
    await t.throwsAsync(nodesFor("wrong"));
  });
}
