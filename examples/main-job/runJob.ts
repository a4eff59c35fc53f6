import {
  count,
  defer,
  EMPTY,
  exhaustMap,
  first,
  forkJoin,
  fromEvent,
  lastValueFrom,
  merge,
  of,
  repeat,
  shareReplay,
  switchMap,
  takeUntil,
  tap,
  timer,
  type Observable,
} from "rxjs";
import { byKey, type Driver, type Receipt, type Topic, type TopicHandle } from "sluice";
import { consume, processEvents, produce } from "sluice/operators";
import { earlierRuns, type Earlier } from "./earlierRuns.ts";
import { metered } from "./meter.ts";
import { middleOfStrong } from "./middleOfStrong.ts";
import { quakeSchema, type Quake } from "./quake.ts";
import { readCatalogue } from "./readCatalogue.ts";
import { FrameFile } from "./readFrames.ts";
import { Replay } from "./replay.ts";
import { skipStored, type SkipStored } from "./skipStored.ts";
import { Tally, type Progress } from "./tally.ts";

/** What the job is to do. */
export interface JobOptions {
  readonly driver: Driver;
  /** How many events are replayed. */
  readonly events: number;
  /** Stops the job: what was read is stored, what was handled is acknowledged, and the rest waits for the next run. */
  readonly signal: AbortSignal;
  /** Told what earlier runs have left, before anything is done. @default nobody is told */
  readonly begun?: (earlier: Earlier) => void;
  /** Told how far the job is. */
  readonly progress: (progress: Progress) => void;
}

/** What the job has done. */
export interface JobResult {
  readonly tally: Tally;
  /** How many earthquakes the catalogue has. */
  readonly quakes: number;
  /** Stored events that are not acknowledged. */
  readonly lag: number;
}

const topicName = "quakes";
const consumerName = "strong-quakes";

/** Produces and consumes at the same time, until all is stored and all that is stored is acknowledged. */
export async function runJob({ driver, events, signal, begun, progress }: JobOptions): Promise<JobResult> {
  const catalogue = await readCatalogue();
  await using frames = await FrameFile.open();
  const topic = await openOrCreate(driver);
  begun?.(await earlierRuns(topic, consumerName));
  const tally = new Tally(events, topic.partitions, progress);
  const handle = metered(topic, tally.meter);
  const replay = new Replay(catalogue, frames, events);
  const skip = await skipStored(topic);

  let block = 0;

  // The next block is read when the last one is stored, and none after a stop.
  const stored$ = defer(() => storeBlock(replay, block++, skip, handle, tally)).pipe(
    repeat({ count: replay.blocks, delay: () => (signal.aborted ? EMPTY : of(true)) }),
    tap({ next: () => tally.store(), complete: () => tally.endStoring() }),
    count(),
    shareReplay({ bufferSize: 1, refCount: true }),
  );
  const handled$ = consume(handle, consumerName, { dataSelector: middleOfStrong }).pipe(
    processEvents((event) => tally.handle(event)),
    takeUntil(merge(caughtUp(stored$, topic), fromEvent(signal, "abort"))),
    tap({ complete: () => tally.endHandling() }),
    count(),
  );
  await lastValueFrom(forkJoin([stored$, handled$]));
  const { total: lag } = await topic.lag(consumerName);
  return { tally, quakes: catalogue.length, lag };
}

/** Forgets what earlier runs have done. */
export async function startOver(driver: Driver): Promise<void> {
  if (await driver.topicExists(topicName)) await driver.deleteTopic(topicName);
}

async function openOrCreate(driver: Driver): Promise<Topic<Quake>> {
  // Schema and selector are stored with the topic, so that a later run opens it by its name alone.
  if (await driver.topicExists(topicName)) return driver.openTopic<Quake>(topicName);
  return driver.createTopic(topicName, { partitions: 4, validator: quakeSchema, partitionSelector: byKey("network") });
}

function storeBlock(
  replay: Replay,
  block: number,
  skip: SkipStored<Quake>,
  topic: TopicHandle<Quake>,
  tally: Tally,
): Observable<Receipt> {
  const readFresh = async () => {
    const events = await replay.read(block);
    const fresh = await skip(events);
    tally.count(events.length, fresh.length);
    return fresh;
  };
  // An iterable is pulled no faster than the backend stores.
  const store = produce(topic, { rejected: { next: (rejection) => tally.reject(rejection) } });
  return defer(readFresh).pipe(switchMap((fresh) => store(fresh)));
}

/** Emits once everything is stored and all of it is acknowledged, also what an earlier run has left behind. */
function caughtUp(stored$: Observable<unknown>, topic: Topic<Quake>): Observable<unknown> {
  return stored$.pipe(
    switchMap(() => timer(0, 20)),
    exhaustMap(() => topic.lag(consumerName)),
    first(({ total }) => total === 0),
  );
}
