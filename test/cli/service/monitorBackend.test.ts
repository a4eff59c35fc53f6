import test from "ava";
import { firstValueFrom, from, type ObservableInput } from "rxjs";
import { memoryBackend } from "../../../backends/memory/index.ts";
import { Census } from "../../../cli/service/census.ts";
import { composeBackends } from "../../../cli/service/composeBackends.ts";
import { monitorBackend } from "../../../cli/service/monitorBackend.ts";
import type { BackendTopic, EventBatch, TopicConfig } from "../../../src/index.ts";

const config: TopicConfig = {
  partitions: 1,
  components: {
    validator: { type: "accept-all" },
    partitionSelector: { type: "round-robin" },
    serializer: { type: "json" },
  },
};
const batch: EventBatch = {
  count: 2,
  metadata: new TextEncoder().encode("12"),
  metadataEnds: Uint32Array.of(1, 2),
  timestamps: Float64Array.of(1, 1),
  data: [],
  dataEnds: undefined,
};

const answerOf = <T>(answer: ObservableInput<T>) => firstValueFrom(from(answer));

/** A backend as `sluice serve` makes it of two, with a topic in each. */
async function monitored() {
  const census = new Census();
  const parts = new Map([
    ["one", memoryBackend()],
    ["two", memoryBackend()],
  ]);
  const backend = monitorBackend(composeBackends(parts, [{ match: "far*", backend: "two" }]), census);
  const [source, near, far] = [
    await answerOf(backend.createTopic("source", config)),
    await answerOf(backend.createTopic("near", config)),
    await answerOf(backend.createTopic("far", config)),
  ];
  const [lease] = await answerOf(source.join("app", { partitions: undefined }));
  const commit = (position: number, ...topics: BackendTopic[]) =>
    answerOf(
      lease!.transact!(
        position,
        topics.map((topic) => ({ topic, partition: 0, batch })),
      ),
    );
  return { census, near, far, commit };
}

test("what a transaction has stored is counted", async (t) => {
  const { census, near, commit } = await monitored();
  t.deepEqual(await commit(1, near), [{ firstId: 0 }]);
  const [count, ...others] = census.topics;
  t.like(count, { topic: "near", batches: 1, events: 2 });
  t.deepEqual(others, []);
});

test("a transaction over two of a service's backends is refused, and nothing of it is stored or counted", async (t) => {
  const { census, near, far, commit } = await monitored();
  await t.throwsAsync(commit(1, near, far), { code: "ERR_UNSUPPORTED" });
  t.is((await answerOf(near.partitions[0]!.bounds())).end, 0);
  t.deepEqual(census.topics, []);
});
