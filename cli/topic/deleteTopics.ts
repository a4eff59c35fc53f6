import type { Invocation } from "../invocation.ts";

/** Deletes topics. It stops at the first that cannot be deleted. */
export async function deleteTopics(invocation: Invocation, _flags: unknown, ...given: unknown[]): Promise<void> {
  const names = given.flat() as string[];
  const driver = await invocation.connect();
  for (const name of names) {
    await driver.deleteTopic(name);
    invocation.output.result({ topic: name, deleted: true }, () => `Deleted ${name}.`);
  }
}
