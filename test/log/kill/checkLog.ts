import { logBackend } from "../../../backends/log/index.ts";
import type { Oracle } from "../oracle.ts";
import { answerOf, encryptionWith } from "../support.ts";

/** Opens a log, reads everything, and holds it to what had been said. */
export async function checkLog(directory: string, oracle: Oracle): Promise<void> {
  const reader = 0; // The cycle of whoever looks. It writes nothing.
  const backend = await logBackend(directory, {
    encryption: encryptionWith("key-0"),
    recovered: ({ topic, partition, outcome }) => oracle.hear(reader, `found ${topic} ${partition} ${outcome}`),
  });
  const names = await answerOf(backend.listTopics());
  oracle.checkTopics(names);
  for (const name of names) await oracle.checkEvents(await answerOf(backend.openTopic(name)));
  await answerOf(backend.close());
}
