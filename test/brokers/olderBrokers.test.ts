import test from "ava";
import { firstValueFrom } from "rxjs";
import { kafkaCapabilities } from "../../backends/kafka/index.ts";
import { connect } from "../../src/index.ts";
import { conformance } from "../conformance/index.ts";
import { startCluster, type Cluster } from "./cluster/cluster.ts";
import { releases } from "./cluster/kafkaRelease.ts";
import { kafkaUnderTest, namespaceLength } from "./kafkaUnderTest.ts";
import { takingTurns } from "./takingTurns.ts";

let cluster: Cluster | undefined;

test.before("starts brokers of an older release", async (t) => {
  t.timeout(180_000);
  cluster = await startCluster({ version: releases.older });
});

test.after.always("stops them", () => cluster?.stop());

conformance({
  test: takingTurns(test, 6),
  label: `kafka ${releases.older}, 2 partitions`,
  topic: { partitions: 2 },
  capabilities: kafkaCapabilities,
  deadline: 30_000,
  idle: 1500,
  longestName: 249 - namespaceLength,
  backend: () => kafkaUnderTest(cluster!.brokers.join(), {}),
});

test("the newer protocol of groups is refused with ERR_UNSUPPORTED where brokers do not know it", async (t) => {
  const driver = await connect(`kafka://${cluster!.brokers.join()}/`, { groupProtocol: "consumer" });
  t.teardown(() => driver.close());
  const topic = await driver.createTopic("grouped");

  await t.throwsAsync(firstValueFrom(topic.consumer("app")), { code: "ERR_UNSUPPORTED" });
});
