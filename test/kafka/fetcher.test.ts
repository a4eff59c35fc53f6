import test from "ava";
import type { FetchRequest, Fetched } from "../../backends/kafka/client/client.ts";
import { KafkaError } from "../../backends/kafka/client/kafkaError.ts";
import type { KafkaCluster } from "../../backends/kafka/cluster.ts";
import { Fetcher } from "../../backends/kafka/fetcher.ts";

const wish = { topicId: "t", partition: 0, offset: 0, maxBytes: 1 << 20 };
const never = new AbortController().signal;

/** A fetcher of a node that answers as it is told, and how many bytes were asked for each time. */
function fetcherOf(answer: (bytes: number) => Error | undefined, lanes = 1) {
  const asked: number[] = [];
  const client = {
    fetch: async (_: unknown, { partitions, maxBytes }: FetchRequest): Promise<readonly Fetched[]> => {
      asked.push(maxBytes);
      const error = answer(maxBytes);
      if (error !== undefined) throw error;
      return partitions.map((each) => ({ ...each, error: 0 }) as unknown as Fetched);
    },
  };
  const fetcher = new Fetcher({ client } as unknown as KafkaCluster, { maxWait: 1, lanes });
  return { fetch: () => fetcher.fetch(1, wish, never), asked };
}

test("over a link that breaks off long answers, what is fetched gets smaller until it comes, and larger again", async (t) => {
  let longest = 40_000;
  const { fetch, asked } = fetcherOf((bytes) => (bytes > longest ? new KafkaError("closed", undefined) : undefined));
  let failures = 0;
  for (; ; failures++) {
    const error = await fetch().then(
      () => undefined,
      (each: unknown) => each,
    );
    if (error === undefined) break;
    t.is((error as Error).message, "closed");
  }

  t.is(failures, 5);
  t.deepEqual(
    asked,
    [1, 2, 4, 8, 16, 32].map((part) => (1 << 20) / part),
  );
  longest = Infinity;
  for (let i = 0; i < 16; i++) await fetch();
  t.is(asked.at(-1), 1 << 20);
});

test("however often a link breaks, something is asked for", async (t) => {
  const { fetch, asked } = fetcherOf(() => new KafkaError("closed", undefined));
  for (let i = 0; i < 50; i++) await t.throwsAsync(fetch(), { message: "closed" });

  t.is(asked.at(-1), 1024);
});

test("a broker that refuses a fetch is asked for as much as before", async (t) => {
  const { fetch, asked } = fetcherOf(() => new KafkaError("no", 6));
  for (let i = 0; i < 3; i++) await t.throwsAsync(fetch(), { message: "no" });

  t.deepEqual(asked, [1 << 20, 1 << 20, 1 << 20]);
});

test("a fetch that nobody wants any more is not sent", async (t) => {
  const { asked } = fetcherOf(() => undefined);
  const fetcher = new Fetcher({ client: {} } as unknown as KafkaCluster, { maxWait: 1, lanes: 1 });
  const reason = new Error("left");

  await t.throwsAsync(fetcher.fetch(1, wish, AbortSignal.abort(reason)), { is: reason });
  t.deepEqual(asked, []);
});

test("wishes of the same turn go in one request, each partition once", async (t) => {
  const { fetch, asked } = fetcherOf(() => undefined, 8);
  await Promise.all([fetch(), fetch()]);

  t.deepEqual(asked, [1 << 20, 1 << 20]);
});
