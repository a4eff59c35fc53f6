import type { Driver } from "sluice";
import type { Invocation } from "../invocation.ts";
import { showService } from "../service/showService.ts";
import { statusOfService } from "../service/statusOfService.ts";
import { openBare } from "../topic/openBare.ts";

/** One topic in a status. */
export interface TopicStatus {
  /** Its name. */
  readonly topic: string;
  /** How many partitions it has. */
  readonly partitions: number;
  /** How many events it holds. */
  readonly events: number;
}

/** Says what a backend can do and what is in it. */
export async function showStatus(invocation: Invocation): Promise<void> {
  const service = await statusOfService(invocation);
  if (service !== undefined) return showService(service, invocation);
  const driver = await invocation.connectToRead();
  const topics = await topicsOf(driver);
  const { capabilities } = driver;
  const { output } = invocation;
  output.result({ capabilities, topics }, () => {
    // A log is read beside its writer here, which says nothing about what the writer can do.
    const can = Object.entries(capabilities).filter(([name, value]) => value === true && name !== "readOnly");
    return [
      `${output.style("bold", "durability")}  ${capabilities.durability}`,
      `${output.style("bold", "can")}         ${can.map(([name]) => name).join(", ")}`,
      "",
      topics.length === 0
        ? "There are no topics."
        : output.table(topics, [
            { title: "topic", value: ({ topic }) => topic },
            { title: "partitions", value: ({ partitions }) => partitions },
            { title: "events", value: ({ events }) => events },
          ]),
    ].join("\n");
  });
}

async function topicsOf(driver: Driver): Promise<TopicStatus[]> {
  const topics: TopicStatus[] = [];
  for (const name of await driver.listTopics()) {
    const { partitions } = await (await openBare(driver, name)).describe();
    const events = partitions.reduce((sum, { start, end }) => sum + end - start, 0);
    topics.push({ topic: name, partitions: partitions.length, events });
  }
  return topics;
}
