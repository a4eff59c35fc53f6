import test from "ava";
import { AcknowledgedRetention } from "../../backends/kafka/acknowledgedRetention.ts";
import type { KafkaClient } from "../../backends/kafka/client/client.ts";
import type { KafkaCluster, TopicRef } from "../../backends/kafka/cluster.ts";

const refOf = (name: string): TopicRef => ({ name, id: name, gone: new AbortController() });

/** A topic with chunks whose consumers have acknowledged what `acknowledged` says. */
function retained(groups: readonly string[], patience: number) {
  const acknowledged: Record<string, number> = {};
  const ends: Record<string, number> = { events: 10, chunks: 40 };
  const dropped: string[] = [];
  const client = {
    committedOffsets: async (_to: unknown, group: string) => {
      const offset = acknowledged[group];
      return new Map(offset === undefined ? [] : [[0, { partition: 0, offset, note: "" }]]);
    },
    offsetAt: async (_to: unknown, topic: string) => ends[topic]!,
    deleteRecords: async (_to: unknown, topic: string, _partition: number, before: number) => {
      dropped.push(`${topic} ${before}`);
      return 0;
    },
  } as unknown as KafkaClient;
  const cluster = {
    client,
    closed: new AbortController().signal,
    onCoordinator: (_of: string, _key: string, request: (to: unknown) => unknown) => request({ node: 0 }),
    onLeader: (_topic: unknown, _partition: number, request: (to: unknown) => unknown) => request({ node: 0 }),
  } as unknown as KafkaCluster;
  const retention = new AcknowledgedRetention({
    cluster,
    topic: refOf("events"),
    groups,
    countPartitions: () => 1,
    companion: async () => refOf("chunks"),
    patience,
  });
  return { retention, acknowledged, ends, dropped };
}

test("what one consumer has not acknowledged stays", async (t) => {
  const { retention, acknowledged, dropped } = retained(["one", "two"], 0);
  acknowledged["one"] = 10;
  await retention.drop();
  t.deepEqual(dropped, []);
  acknowledged["two"] = 6;
  await retention.drop();
  await retention.drop();

  t.deepEqual(dropped, ["events 6"]);
});

test("chunks go when everything has been acknowledged that was there when no producer could be at work on them any more", async (t) => {
  const { retention, acknowledged, ends, dropped } = retained(["one"], 0);
  acknowledged["one"] = 10;
  await retention.drop();
  ends["events"] = 12; // A record came late.
  await retention.drop();
  await retention.drop();
  t.deepEqual(dropped, ["events 10"]);
  acknowledged["one"] = 12;
  await retention.drop();

  t.deepEqual(dropped, ["events 10", "events 12", "chunks 40"]);
});

test("chunks stay for as long as a producer may be at work", async (t) => {
  const { retention, acknowledged, dropped } = retained(["one"], Infinity);
  acknowledged["one"] = 10;
  for (let i = 0; i < 4; i++) await retention.drop();

  t.deepEqual(dropped, ["events 10"]);
});
