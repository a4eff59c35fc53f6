import { catchError, defer, firstValueFrom, forkJoin, map, of, race, timer, type Observable } from "rxjs";
import type { Backend } from "../../../src/model/backend.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import type { TopicHandle } from "../../../src/model/topicHandle.ts";
import { innerFrom } from "../innerFrom.ts";
import { DeadLetterStore } from "./deadLetterStore.ts";
import { answerOf } from "./answerOf.ts";
import { Journal } from "./journal.ts";
import type { JournalPartition } from "./journalPartition.ts";
import { staleJournal } from "./lane.ts";
import { RobustCore } from "./robustCore.ts";
import { checkRobustOptions, type RobustOptions, type RobustRules } from "./robustOptions.ts";

/** Milliseconds that opening waits for the backend to say what it has. Afterwards it is asked before anything is sent. */
const patience = 1000;

/** A robust producer that is open, and what lets go of the directory of its journal. */
export interface OpenRobust<I> {
  readonly core: RobustCore<I>;
  readonly rules: RobustRules<never>;
  /** Closes the directory of the journal, where that was opened for it. */
  readonly release: () => Promise<void>;
}

/** What of a topic has to do with its journal. */
type Place = Pick<TopicHandle, "name" | "backend" | "openJournal">;

/** Opens the journal of a topic, and finds out whether it is the newest one. Nothing is sent yet, so that nothing is missed. */
export async function openRobust<I>(
  topic: TopicHandle<I, never>,
  options: RobustOptions<never>,
): Promise<OpenRobust<I>> {
  const rules = checkRobustOptions(options);
  const { journal: place, name: _, journalOptions: __, durability: ___, ...producer } = options;
  const backend = typeof place === "string" ? await openPlace(topic, place, options) : place;
  const release = async () => {
    if (typeof place === "string") await answerOf(backend.close());
  };
  try {
    const journal = await openJournal(topic, backend, rules);
    const letters = new DeadLetterStore<unknown>(
      backend,
      topic.name,
      topic.backend.config.components,
      topic.components.serializer,
    );
    const core = new RobustCore<I>(topic, journal, rules, producer, letters);
    return { core, rules, release };
  } catch (error) {
    await release();
    throw error;
  }
}

function openPlace(
  topic: Place,
  directory: string,
  { durability, journalOptions }: RobustOptions<never>,
): Promise<Backend> {
  if (topic.openJournal !== undefined) return topic.openJournal(directory, { durability, journalOptions });
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `This handle of topic "${topic.name}" opens no journals: hand in a backend to keep it in`,
  );
}

async function openJournal(
  { name, backend: stored }: Place,
  backend: Backend,
  rules: RobustRules<never>,
): Promise<Journal> {
  const { components } = stored.config;
  const partitions = stored.partitions.length;
  const journal = await Journal.open(backend, { topic: name, components, partitions, name: rules.name });
  try {
    const answers = await Promise.all(
      journal.partitions.map(async (partition) => {
        const answer = await firstValueFrom(meet(journal, partition, stored.partitions[partition.index]));
        if (answer.error !== undefined && rules.restored === "refuse") throw answer.error;
        return answer;
      }),
    );
    for (const partition of journal.partitions) {
      const { spans, end } = partition;
      const isStale = answers[partition.index]!.error !== undefined;
      if (isStale && spans.last?.origin === end) await answerOf(journal.renew(partition, end));
    }
    await journal.begin((partition) => {
      const { error, isMet } = answers[partition.index]!;
      const next = error === undefined ? journal.identityBehind(partition) : undefined;
      const isNew = next === undefined;
      return { producer: next ?? journal.newIdentity(), origin: partition.end, isMet: isMet || isNew };
    });
    if (journal.isWorthCompacting) await journal.compact().catch(() => undefined); // It stays as it is, and works.
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** What the backend has said of the identities of a partition. */
interface Meeting {
  /** Why the journal is older than what the backend has of it, where it is. */
  readonly error: SluiceError | undefined;
  /** Whether the backend knows nothing of the identity that this process is going to use. */
  readonly isMet: boolean;
}

const unknown: Meeting = { error: undefined, isMet: false };

/**
 * Asks the backend what it has. It may have no more of the newest run than has been sent, which is no more than is in the
 * journal, and nothing at all of the run that follows. Where it does not answer soon, it is asked again before anything is sent.
 */
function meet(
  journal: Journal,
  partition: JournalPartition,
  target: TopicHandle["backend"]["partitions"][number] | undefined,
): Observable<Meeting> {
  const { spans, end } = partition;
  const { last } = spans;
  const behind = journal.identityBehind(partition);
  if (target?.nextSequence === undefined || last === undefined || behind === undefined) return of(unknown);
  const excess = (producer: string, most: number) =>
    defer(() => innerFrom(target.nextSequence!(producer))).pipe(
      map((next) => (next > most ? staleJournal(producer, next) : undefined)),
    );
  const mostOfLast = last.isMet && last.origin < end ? spans.countBefore(end) : 0;
  return race(
    forkJoin([excess(last.producer, mostOfLast), excess(behind, 0)]).pipe(
      map(([ofLast, ofNext]) => ({ error: ofLast ?? ofNext, isMet: true })),
      catchError(() => of(unknown)),
    ),
    timer(patience).pipe(map(() => unknown)),
  );
}
