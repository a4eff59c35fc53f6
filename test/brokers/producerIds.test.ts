import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import type {
  Destination,
  KafkaClient,
  ProduceRequest,
  TransactionIdentity,
} from "../../backends/kafka/client/client.ts";
import { isKafkaError, KafkaError, protocolError } from "../../backends/kafka/client/kafkaError.ts";
import { platformaticClient } from "../../backends/kafka/client/platformaticClient.ts";
import { KafkaCluster } from "../../backends/kafka/cluster.ts";
import { PlaceTaken, RecordSink } from "../../backends/kafka/recordSink.ts";
import { BatchEncoder, transactionalBit } from "../../backends/kafka/records/encodeBatch.ts";
import { RecordParts } from "../../backends/kafka/records/recordParts.ts";
import { connect } from "../../src/index.ts";
import { brokersUnderTest } from "./connection.ts";
import { impatient } from "./kafkaUnderTest.ts";

/** A client whose produce requests can be kept on their way. */
function slowClient(): KafkaClient & {
  holds: number;
  readonly letGo: () => Promise<(number | "stored" | undefined)[]>;
} {
  const [host, port] = brokersUnderTest().split(":") as [string, string];
  const connection = { requestTimeout: 5000 };
  const client = platformaticClient({
    clientId: "test",
    bootstrap: [{ host, port: Number(port) }],
    connection,
    rebalanceTimeout: 1000,
  });
  const held: [Destination, ProduceRequest][] = [];
  return {
    ...client,
    holds: 0,
    async produce(to, request) {
      if (this.holds === 0) return client.produce(to, request);
      this.holds--;
      held.push([to, { ...request, batch: request.batch.slice() }]);
      throw new KafkaError("no answer", undefined);
    },
    letGo: () =>
      Promise.all(
        held.splice(0).map(([to, request]) =>
          client.produce(to, request).then(
            () => "stored" as const,
            (error: unknown) => (isKafkaError(error) ? error.code : undefined),
          ),
        ),
      ),
  };
}

async function setUp(t: ExecutionContext) {
  const driver = await connect(`kafka://${brokersUnderTest()}/`, { ...impatient });
  const name = `ids-${randomUUID()}`;
  const topic = await driver.createTopic(name, { partitions: 1 });
  const client = slowClient();
  const cluster = new KafkaCluster(client, 5000);
  const state = (await cluster.topic(name))!;
  t.teardown(async () => {
    await cluster.close();
    await driver.close();
  });
  const ref = { name, id: state.id, gone: new AbortController() };
  const stored = async () => (await topic.describe()).partitions[0]!.end;
  return { client, cluster, ref, stored };
}

function fill(encoder: BatchEncoder, count: number): BatchEncoder {
  for (let i = 0; i < count; i++) {
    const parts = new RecordParts();
    parts.value.add(Uint8Array.of(i));
    encoder.add(Date.now(), parts);
  }
  return encoder;
}

test("a batch that a broker gets late is refused when another one has taken its place", async (t) => {
  const { client, cluster, ref, stored } = await setUp(t);
  const sink = new RecordSink(cluster, ref, 0, { compressor: undefined, deliveryTimeout: 1, requestTimeout: 1000 });
  await sink.send(fill(sink.newBatch(10), 1));
  client.holds = 1;
  await t.throwsAsync(sink.send(fill(sink.newBatch(10), 2)));
  t.is(await sink.send(fill(sink.newBatch(10), 3)), 1);
  t.deepEqual(await client.letGo(), [protocolError.outOfOrderSequence]);
  t.is(await stored(), 4);

  client.holds = 1;
  await t.throwsAsync(sink.send(fill(sink.newBatch(10), 2)));
  t.deepEqual(await client.letGo(), ["stored"]);
  await t.throwsAsync(sink.send(fill(sink.newBatch(10), 3), { whenTaken: "tell" }), { instanceOf: PlaceTaken });
  t.is(await stored(), 6);
  t.is(await sink.send(fill(sink.newBatch(10), 3)), 6);

  client.holds = 1;
  await t.throwsAsync(sink.send(fill(sink.newBatch(10), 2)));
  sink.renew();
  t.is(await sink.send(fill(sink.newBatch(10), 2)), 9);
  t.deepEqual(await client.letGo(), [protocolError.invalidProducerEpoch]);
  t.is(await stored(), 11);
});

// KIP-890: without an epoch for each transaction it would hang in front of all readers, or become a part of the next one.
test("a batch of a transaction that has ended is refused, however late it comes", async (t) => {
  const { client, cluster, ref, stored } = await setUp(t);
  const id = `test-${randomUUID()}`;
  const coordinate = <T>(request: (to: Destination) => Promise<T>) => cluster.onCoordinator("transaction", id, request);
  t.is(await coordinate((to) => client.transactionVersion(to)), 2);
  const { id: producerId, epoch } = await coordinate((to) => client.newProducer(to, id, 10_000));
  const node = await cluster.leaderOf(ref, 0);
  const who: TransactionIdentity = { transactionalId: id, producerId, epoch, version: 2 };
  const produce = (sequence: number) => {
    const batch = fill(new BatchEncoder(100), 1).finish(
      transactionalBit,
      { id: producerId, epoch },
      sequence,
      client.crc32c,
    );
    const request = { topic: ref, partition: 0, batch, transaction: who, timeout: 1000 };
    return client.produce({ node }, request); // Once: whatever becomes of it, it is not sent again.
  };
  await produce(0);
  client.holds = 1;
  const late = produce(1).catch(() => undefined);
  const next = await coordinate((to) => client.endTransaction(to, who, "commit"));
  t.deepEqual(await coordinate((to) => client.endTransaction(to, who, "commit")), next);
  t.not(next.epoch, epoch);
  await late;
  const end = await stored();
  const again = (await client.letGo())[0];

  t.true(again === protocolError.invalidProducerEpoch || again === protocolError.producerFenced, String(again));
  t.is(await stored(), end);
});
