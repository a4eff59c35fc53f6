import type { Invocation } from "../invocation.ts";

/** Lists the topics, one a line. */
export async function listTopics(invocation: Invocation): Promise<void> {
  const driver = await invocation.connectToRead();
  const names = await driver.listTopics();
  invocation.output.result(names, () => names.join("\n"));
  if (names.length === 0) invocation.output.note("There are no topics.");
}
