import test from "ava";
import { consumerRates, flowOf, lagOf, producerFlows, producersByName, type Look } from "../../../cli/page/rates.ts";
import type { ServiceStatus } from "../../../cli/service/serviceStatus.ts";

function look(time: number, events: number, more: Partial<ServiceStatus> = {}): Look {
  const topics = ["a", "b"].map((topic) => ({
    topic,
    backend: "main",
    partitions: [],
    batches: events / 10,
    events,
    bytes: events * 100,
    storing: 0,
    read: events * 2,
  }));
  return { time, status: { topics, producers: [], consumers: [], ...more } as unknown as ServiceStatus };
}

test("flowOf() counts what went through between two looks, of one topic or of all", (t) => {
  const [before, now] = [look(1000, 100), look(3000, 300)];
  t.deepEqual(flowOf(before, now, "a"), { stored: 100, read: 200, bytes: 10_000, batchSize: 10 });
  t.deepEqual(flowOf(before, now), { stored: 200, read: 400, bytes: 20_000, batchSize: 10 });
  t.deepEqual(flowOf(before, { ...before, time: 2000 }, "a"), { stored: 0, read: 0, bytes: 0, batchSize: 0 });
});

test("flowOf() begins at nothing where a service was started anew", (t) => {
  t.is(flowOf(look(1000, 100), look(2000, 30), "a").stored, 30);
});

test("producers are told by their names, however many identities those have", (t) => {
  const producer = (id: string, events: number, last: number) => ({
    topic: "a",
    producer: id,
    batches: 1,
    events,
    bytes: events,
    storing: 0,
    last,
  });
  const producers = [producer("app1/0-x", 3, 5), producer("app1/1-x", 4, 9), producer("-850b", 1, 2)];
  const [before, now] = [look(1000, 0), look(2000, 0, { producers })];
  t.deepEqual(
    producersByName(now.status).map(({ name, events, last }) => [name, events, last]),
    [
      ["app1", 7, 9],
      ["", 1, 2],
    ],
  );
  t.is(producerFlows(before, now).get("a app1")?.stored, 7);
});

test("lagOf() leaves out the pages that only look", (t) => {
  const consumer = (name: string, topic: string, lag: number) => ({
    topic,
    consumer: name,
    members: 1,
    last: 0,
    lag,
    positions: [],
  });
  const { status } = look(0, 0, {
    consumers: [consumer("x", "a", 3), consumer("page-1", "a", 100), consumer("x", "b", 4)],
  });
  t.deepEqual([lagOf(status), lagOf(status, "a")], [7, 3]);
});

test("consumerRates() counts what was acknowledged between two looks, in all partitions", (t) => {
  const consumers = (...positions: (number | null)[]) => ({
    consumers: [{ topic: "a", consumer: "app2", members: 1, last: 0, lag: 0, positions }],
  });
  const [before, now] = [look(1000, 0, consumers(5, null, 7)), look(3000, 0, consumers(25, 100, 3))];
  t.deepEqual([...consumerRates(before, now)], [["a app2", 10]]);
  t.deepEqual([...consumerRates(look(1000, 0), now)], [["a app2", 0]]);
});
