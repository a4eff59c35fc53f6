import { keyOf, noneOf, type TopicCount } from "./census.ts";
import type { RankCounts } from "./counts.ts";
import type { ServiceStatus } from "./serviceStatus.ts";

/** One measurement of a metric. */
interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * What a service has counted, in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @param status - What the service says of itself.
 * @param ranks - What each of its ranks has counted. Where there are several, what they count has the label `rank`: one that is started
 *   anew begins at 0, which in a sum would look as if all that the others had counted had come at once.
 */
export function prometheus(status: ServiceStatus, ranks: readonly RankCounts[]): string {
  const { topics, consumers, producers } = status;
  const eachRank = (samples: (counts: RankCounts) => readonly Sample[]): Sample[] =>
    ranks.flatMap((counts) => {
      const { rank } = counts.process;
      return samples(counts).map(({ labels, value }) => ({
        labels: { ...labels, ...(ranks.length > 1 && { rank }) },
        value,
      }));
    });
  const statistic = (name: keyof RankCounts["statistics"]) =>
    eachRank(({ statistics }) => [{ value: statistics[name] }]);
  const use = (name: "memory" | "cpu" | "uptime") => eachRank(({ process }) => [{ value: process[name] }]);
  const eachTopic = (value: (count: TopicCount) => number) =>
    eachRank((counts) => {
      const counted = new Map(counts.topics.map((count) => [keyOf(count), count]));
      return topics.map(({ topic, id }) => {
        const count = counted.get(keyOf({ topic, id })) ?? noneOf({ topic, id });
        return { labels: { topic }, value: value(count) };
      });
    });
  const eachPartition = (value: "start" | "end"): Sample[] =>
    topics.flatMap(({ topic, partitions }) =>
      partitions.map((bounds, partition) => ({ labels: { topic, partition }, value: bounds[value] })),
    );
  return [
    metric("sluice_info", "gauge", "The version.", [{ labels: { version: status.version }, value: 1 }]),
    metric("sluice_connections", "gauge", "Clients that are connected.", statistic("connections")),
    metric("sluice_batches_total", "counter", "Batches that clients have sent.", statistic("batches")),
    metric("sluice_events_total", "counter", "Events in those batches.", statistic("events")),
    metric("sluice_bytes_total", "counter", "Bytes of those batches.", statistic("bytes")),
    metric(
      "sluice_topic_batches_total",
      "counter",
      "Batches stored, by topic.",
      eachTopic(({ batches }) => batches),
    ),
    metric(
      "sluice_topic_events_total",
      "counter",
      "Events stored, by topic.",
      eachTopic(({ events }) => events),
    ),
    metric(
      "sluice_topic_bytes_total",
      "counter",
      "Bytes stored, by topic.",
      eachTopic(({ bytes }) => bytes),
    ),
    metric(
      "sluice_topic_read_total",
      "counter",
      "Events read, by topic.",
      eachTopic(({ read }) => read),
    ),
    metric(
      "sluice_topic_store_seconds_total",
      "counter",
      "Time that the backend took to store, by topic.",
      eachTopic(({ storing }) => storing / 1000),
    ),
    metric("sluice_partition_start", "gauge", "The id of the first event that is there.", eachPartition("start")),
    metric("sluice_partition_end", "gauge", "The id of the next event.", eachPartition("end")),
    metric(
      "sluice_consumer_lag",
      "gauge",
      "Events that a consumer has not acknowledged.",
      consumers.map(({ topic, consumer, lag }) => ({ labels: { topic, consumer }, value: lag })),
    ),
    metric(
      "sluice_consumer_members",
      "gauge",
      "Consumers of one name.",
      consumers.map(({ topic, consumer, members }) => ({ labels: { topic, consumer }, value: members })),
    ),
    metric(
      "sluice_producers",
      "gauge",
      "Producers that were seen, by topic.",
      topics.map(({ topic }) => ({
        labels: { topic },
        value: producers.filter((each) => each.topic === topic).length,
      })),
    ),
    metric("process_resident_memory_bytes", "gauge", "Bytes of memory.", use("memory")),
    metric("process_cpu_seconds_total", "counter", "Processor time.", use("cpu")),
    metric("process_uptime_seconds", "gauge", "Time since the start.", use("uptime")),
  ].join("");
}

function metric(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const lines = samples.map(({ labels = {}, value }) => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${escape(String(text))}"`);
    return `${name}${list.length === 0 ? "" : `{${list.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(`"`, `\\"`).replaceAll("\n", "\\n");
}
