import { from, map, type Observable } from "rxjs";
import type { Backend, BackendTopic } from "./model/backend.ts";
import { SluiceError } from "./model/errors.ts";
import type { OpenJournalOptions } from "./model/topicHandle.ts";

/** Bytes of one file of a journal: less than those of a log, since files are dropped whole when all in them is sent. */
const segmentBytes = 4 << 20;

/**
 * Opens a directory of the local disk for a journal, as a log in which damage is found out at once.
 *
 * @internal
 */
export async function openJournal(
  directory: string,
  { durability = "disk", journalOptions }: OpenJournalOptions,
): Promise<Backend> {
  const damaged = new Map<string, SluiceError>();
  const { logBackend } = await import("#log");
  const log = await logBackend(directory, {
    segmentBytes,
    ...journalOptions,
    durability,
    recovered: ({ topic, partition, outcome, damage }) => {
      if (outcome === "clean" || outcome === "tornTail") return;
      const [first] = damage;
      const where = first === undefined ? "" : `: ${first.file}, byte ${first.offset}: ${first.reason}`;
      damaged.set(
        topic,
        new SluiceError(
          outcome === "wrongKey" ? "ERR_KEY" : "ERR_STORAGE",
          `The journal in "${directory}" is ${outcome}, in partition ${partition} of "${topic}"${where}`,
          {
            details: { directory, topic, partition, outcome, damage },
          },
        ),
      );
    },
  });
  return { ...log, openTopic: (name) => from(log.openTopic(name)).pipe(intact(damaged)) };
}

/** Refuses a topic that is damaged. */
function intact(
  damaged: ReadonlyMap<string, SluiceError>,
): (opened: Observable<BackendTopic>) => Observable<BackendTopic> {
  return map((topic) => {
    const error = damaged.get(topic.name);
    if (error !== undefined) throw error;
    return topic;
  });
}
