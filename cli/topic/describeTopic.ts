import type { ComponentSpec, TopicDescription } from "sluice";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { openBare } from "./openBare.ts";

/** Says what a topic is and how far its partitions reach. */
export async function describeTopic(invocation: Invocation, _flags: unknown, name = ""): Promise<void> {
  const topic = await openBare(await invocation.connectToRead(), name);
  const description = await topic.describe();
  invocation.output.result(description, () => asText(description, invocation.output));
}

function asText({ name, components, retention, partitions }: TopicDescription, output: Output): string {
  const facts = [
    ["validator", specText(components.validator)],
    ["partition selector", specText(components.partitionSelector)],
    ["serializer", specText(components.serializer)],
    ["retention", retention === undefined ? "everything is kept" : JSON.stringify(retention)],
  ];
  return [
    output.style("bold", name),
    ...facts.map(([title, text]) => `  ${title!.padEnd(20)}${text}`),
    "",
    output.table(partitions, [
      { title: "partition", value: ({ partition }) => partition },
      { title: "first", value: ({ start }) => start },
      { title: "next", value: ({ end }) => end },
      { title: "events", value: ({ start, end }) => end - start },
    ]),
  ].join("\n");
}

function specText({ type, ...config }: ComponentSpec): string {
  return Object.keys(config).length === 0 ? type : `${type} ${JSON.stringify(config)}`;
}
