import type { Invocation } from "../invocation.ts";
import { formatBytes, formatCount, plural } from "../units.ts";
import type { ProcessUse } from "./counts.ts";
import type { ServiceStatus } from "./serviceStatus.ts";

/** Shows what a service says of itself. */
export function showService(status: ServiceStatus, { output }: Invocation): void {
  output.result(status, () => {
    const { process: own, ranks, statistics, topics, consumers } = status;
    const facts = [
      ...(ranks.length > 1
        ? [["service", status.version], ...ranks.map((each) => [`rank ${each.rank}`, use(each)])]
        : [["service", `${status.version}, ${use(own)}`]]),
      ["addresses", status.addresses.join("  ")],
      ["durability", status.capabilities.durability],
      ["clients", formatCount(statistics.connections)],
      [
        "received",
        `${plural(statistics.events, "event")} in ${plural(statistics.batches, "batch")}, ${formatBytes(statistics.bytes)}`,
      ],
    ];
    const head = facts.map(([name, text]) => `${output.style("bold", name!.padEnd(12))}${text}`);
    const topicTable = output.table(topics, [
      { title: "topic", value: ({ topic }) => topic },
      { title: "backend", value: ({ backend }) => backend ?? "" },
      { title: "partitions", value: ({ partitions }) => partitions.length },
      { title: "events", value: ({ partitions }) => partitions.reduce((sum, { start, end }) => sum + end - start, 0) },
    ]);
    const consumerTable = output.table(consumers, [
      { title: "consumer", value: ({ consumer }) => consumer },
      { title: "topic", value: ({ topic }) => topic },
      { title: "members", value: ({ members }) => members },
      { title: "lag", value: ({ lag }) => lag },
    ]);
    return [
      ...head,
      "",
      topics.length === 0 ? "There are no topics." : topicTable,
      ...(consumers.length === 0 ? [] : ["", consumerTable]),
    ].join("\n");
  });
}

function use({ pid, uptime, memory }: ProcessUse): string {
  return `process ${pid}, up ${duration(uptime)}, ${formatBytes(memory)}`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
