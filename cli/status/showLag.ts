import type { Invocation } from "../invocation.ts";
import { openBare } from "../topic/openBare.ts";

/** Says how far a consumer is behind. */
export async function showLag(invocation: Invocation, _flags: unknown, name = "", consumer = ""): Promise<void> {
  const topic = await openBare(await invocation.connectToRead(), name);
  const lag = await topic.lag(consumer);
  const { output } = invocation;
  output.result({ topic: name, consumer, ...lag }, () =>
    [
      output.table(lag.partitions, [
        { title: "partition", value: ({ partition }) => partition },
        { title: "acknowledged", value: ({ position }) => position ?? "nothing" },
        { title: "next", value: ({ end }) => end },
        { title: "lag", value: (each) => each.lag },
      ]),
      `${consumer} is ${lag.total} events behind in ${name}.`,
    ].join("\n"),
  );
}
