import type { Invocation } from "../invocation.ts";
import { openBare } from "../topic/openBare.ts";

/** Lists the partitions of a topic. */
export async function listPartitions(invocation: Invocation, _flags: unknown, name = ""): Promise<void> {
  const topic = await openBare(await invocation.connectToRead(), name);
  const { partitions } = await topic.describe();
  const { output } = invocation;
  output.result(partitions, () =>
    output.table(partitions, [
      { title: "partition", value: ({ partition }) => partition },
      ...(partitions.some(({ rank }) => rank !== undefined)
        ? [{ title: "rank", value: ({ rank }: (typeof partitions)[number]) => rank ?? "" }]
        : []),
      { title: "first", value: ({ start }) => start },
      { title: "next", value: ({ end }) => end },
      { title: "events", value: ({ start, end }) => end - start },
    ]),
  );
}
