import type { Invocation } from "../invocation.ts";
import { openBare } from "./openBare.ts";

/** Seals a topic. */
export async function sealTopic(invocation: Invocation, _flags: unknown, name = ""): Promise<void> {
  const topic = await openBare(await invocation.connect(), name);
  await topic.seal();
  invocation.output.result({ topic: name, sealed: true }, () => `Sealed ${name}.`);
}
