import {
  asyncScheduler,
  auditTime,
  catchError,
  debounce,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  map,
  merge,
  type Observable,
  of,
  Subject,
  Subscription,
  throttleTime,
} from "rxjs";
import { after } from "../../../src/model/after.ts";
import type { Appended, EventBatch } from "../../../src/model/batch.ts";
import type { DataInput } from "../../../src/model/data.ts";
import type { EventInput } from "../../../src/model/draft.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { Promised, type Future } from "../../../src/model/future.ts";
import type { TopicHandle } from "../../../src/model/topicHandle.ts";
import type { OutstandingDraft } from "../outstandingDraft.ts";
import type { DeadLetter } from "../../processEvents.ts";
import { ProducerCore, type Failure } from "../producerCore.ts";
import type { ProducerCoreOptions } from "../producerOptions.ts";
import { Backlog } from "./backlog.ts";
import type { DeadLetterStore } from "./deadLetterStore.ts";
import { DeliveredFutures } from "./deliveredFutures.ts";
import { deliveredOutcomes } from "./deliveredOutcomes.ts";
import { Drains } from "./drains.ts";
import type { Journal } from "./journal.ts";
import { backlogBytesOf, type JournalBatch } from "./journalPartition.ts";
import { JournalSinks } from "./journalSinks.ts";
import { keepLetter } from "./keepLetter.ts";
import { Lane, type LaneHooks } from "./lane.ts";
import { Pushed } from "./pushed.ts";
import { RateMeter } from "./rateMeter.ts";
import type { RobustRules } from "./robustOptions.ts";
import type { Outcome, RobustStatus } from "./robustTypes.ts";
import { statusOf } from "./statusOf.ts";
import { withKeys } from "./withKeys.ts";

/** Milliseconds between two statuses at the least. */
const statusInterval = 250;

/** Milliseconds between two notes of how far the journal reaches, where it grows. */
const markInterval = 500;

/**
 * What the robust producer and the operator have in common: a producer whose backend is the journal, and a lane for each
 * partition that sends what is in there.
 */
export class RobustCore<I> {
  /** What became of each event. */
  readonly outcomes = new Subject<Outcome>();
  /** Errors that lose nothing: a position that could not be noted, an identity that had to be renewed, a journal that could not be written anew. */
  readonly warnings = new Subject<unknown>();
  readonly #topic: TopicHandle<I, never>;
  readonly #journal: Journal;
  readonly #rules: RobustRules<never>;
  readonly #core: ProducerCore<I>;
  readonly #letters: DeadLetterStore<unknown>;
  readonly #backlog: Backlog;
  readonly #running = new Subscription();
  readonly #lanes: Lane[] = [];
  readonly #futures: DeliveredFutures[] = [];
  readonly #drains: Drains;
  readonly #changes = new Subject<void>();
  readonly #activity = new Subject<void>();
  readonly #accepts = new Subject<void>();
  readonly #meter = new RateMeter(asyncScheduler.now());
  readonly #accepted = new Promised<void>();
  #failure: { readonly error: unknown } | undefined;
  #delivered = 0;
  #dead = 0;
  #isStarted = false;
  #isClosed = false;
  #compacting: Promise<void> | undefined;

  constructor(
    topic: TopicHandle<I, never>,
    journal: Journal,
    rules: RobustRules<never>,
    options: ProducerCoreOptions,
    letters: DeadLetterStore<unknown>,
  ) {
    this.#topic = topic;
    this.#journal = journal;
    this.#rules = rules;
    this.#letters = letters;
    this.#drains = new Drains(journal.partitions);
    this.#backlog = new Backlog(rules.maxBacklogBytes, rules.full, journal.bytes);
    const running = this.#running;
    const accepted = () => {
      this.#openLanes();
      this.#accepts.next();
      this.#changed();
    };
    const sinks = new JournalSinks(topic.backend, journal, this.#backlog, accepted);
    this.#core = new ProducerCore<I>({ ...topic, backend: sinks.topic }, options, {
      next: () => {},
      error: (error) => {
        this.#failure = { error };
        this.#accepted.resolve();
      },
      complete: () => this.#accepted.resolve(),
      get closed() {
        return running.closed;
      },
      add: (teardown) => running.add(teardown),
    });
    this.#openLanes();
    running.add(
      this.#accepts
        .pipe(
          auditTime(markInterval),
          exhaustMap(() => journal.mark().pipe(catchError((error: unknown) => this.#warn(error)))),
        )
        .subscribe(),
    );
    running.add(this.#activity.pipe(debounce(() => after(rules.compactAfter))).subscribe(() => void this.compact()));
  }

  /** Events that the journal did not take. */
  get failures(): Observable<Failure<I>> {
    return this.#core.failures;
  }

  /** Emits when there is room for more. */
  get room(): Subject<void> {
    return this.#core.room;
  }

  get isReady(): boolean {
    return this.#core.isReady;
  }

  get isEnded(): boolean {
    return this.#core.isEnded;
  }

  /** What the source has failed with. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** How many events are left in the journal. */
  get left(): number {
    return this.#journal.count;
  }

  /** What it is doing, at once and whenever that changes. */
  get status(): Observable<RobustStatus> {
    const changed = this.#changes.pipe(throttleTime(statusInterval, undefined, { leading: true, trailing: true }));
    return merge(of(undefined), changed).pipe(map(() => this.#statusNow()));
  }

  push(metadata: I, data: DataInput | null | undefined, partition: number | undefined): Pushed {
    const draft = this.#core.push(metadata, data, partition) as OutstandingDraft<I>;
    return new Pushed(draft, (position) => this.#deliveredAt(draft.partition, position));
  }

  pushInput(input: EventInput<I>): void {
    this.#core.pushInput(input);
  }

  /** A future that resolves when all that was pushed so far is in the journal. */
  flush(tells: "all" | "unseen" = "all"): Future<void> {
    return this.#core.flush(tells);
  }

  /** A future that resolves when all that is in the journal now has been stored by the backend, or put aside. */
  drain(): Future<void> {
    return this.#drains.next();
  }

  /** Emits when nothing will be sent any more of what is left, by itself. */
  get standstill(): Observable<unknown> {
    const isStanding = ({ state, partition }: Lane) =>
      partition.count === 0 || state === "halted" || (state === "stopped" && this.#compacting === undefined);
    return merge(of(undefined), this.#changes).pipe(filter(() => this.#lanes.every(isStanding)));
  }

  /** Takes no more events. */
  end(failure?: { readonly error: unknown }): void {
    this.#core.end(failure);
  }

  /** Resolves when all that was taken is in the journal. */
  get accepted(): Future<void> {
    return this.#accepted;
  }

  /** Begins to send, or begins again where nothing could be sent. */
  start(): void {
    if (this.#isClosed) throw new SluiceError("ERR_CLOSED", "The producer is closed");
    this.#isStarted = true;
    if (this.#compacting !== undefined) return;
    for (const lane of this.#lanes) lane.start();
  }

  /** Sends no more. Completes when nothing is on its way. */
  stop(): Observable<never> {
    return defer(() => {
      this.#isStarted = false;
      return merge(...this.#lanes.map((lane) => lane.stop()));
    });
  }

  /** Sends again at once what waits to be sent again, since something has changed. */
  sendNow(): void {
    for (const lane of this.#lanes) lane.sendNow();
  }

  /** Stops at once. Whether what is on its way will be stored is found out when it is sent again. */
  abort(): void {
    this.#isStarted = false;
    for (const lane of this.#lanes) lane.abort();
  }

  /** Events that were put aside. */
  get letters(): DeadLetterStore<unknown> {
    return this.#letters;
  }

  /** Writes the journal anew, where that gives space back and nothing is on its way. */
  async compact(): Promise<void> {
    const isBusy = this.#lanes.some(({ state }) => state === "sending");
    if (this.#isClosed || isBusy || this.#compacting !== undefined || !this.#journal.isWorthCompacting) return;
    this.#compacting = this.#compact();
    await this.#compacting;
  }

  /** Gives up what is not in the journal yet, and leaves the rest there. */
  async close(reason: unknown): Promise<void> {
    this.#isClosed = true;
    await this.#compacting;
    this.#core.abandon(reason); // First, so that whatever is given up is told why.
    this.#running.unsubscribe();
    for (const lane of this.#lanes) lane.abort();
    this.#accepted.resolve();
    if (this.#journal.isWorthCompacting) await this.#rewrite();
    await this.#journal.close().catch((error: unknown) => this.warnings.next(error));
    const closed = new SluiceError(
      "ERR_CLOSED",
      "The producer was closed; the event is in the journal and will be sent",
    );
    for (const futures of this.#futures) futures.abandon(closed);
    this.#drains.abandon(closed);
    this.#changes.next();
    this.#changes.complete();
    this.warnings.complete();
  }

  async #compact(): Promise<void> {
    const paused = this.#lanes.filter(({ state }) => state !== "halted" && state !== "stopped");
    for (const lane of paused) lane.abort();
    await this.#rewrite();
    this.#compacting = undefined;
    if (!this.#isStarted || this.#isClosed) return;
    for (const lane of this.#lanes) if (lane.state !== "halted") lane.start();
  }

  /** The journal stays as it is when it cannot be written anew. */
  async #rewrite(): Promise<void> {
    try {
      await this.#journal.compact();
    } catch (error) {
      this.warnings.next(error);
    }
  }

  #openLanes(): void {
    for (const partition of this.#journal.partitions.slice(this.#lanes.length)) {
      const lane = new Lane(this.#journal, partition, this.#rules, this.#hooks());
      this.#lanes.push(lane);
      this.#futures.push(new DeliveredFutures());
      partition.failures.subscribe((error) => this.warnings.next(error)); // Also while it is being closed.
      if (this.#isStarted && this.#compacting === undefined) lane.start();
    }
  }

  #hooks(): LaneHooks {
    return {
      target: (index) => this.#topic.backend.partitions[index],
      prepared: (batch) => withKeys(batch, this.#topic),
      delivered: (lane, sent, appended) => this.#sent(lane, sent, appended),
      keep: (lane, letter, error) => this.#keep(lane, letter, error),
      buried: (lane, letter, error) => this.#buried(lane, letter, error),
      renewed: (_, error) => this.warnings.next(error),
      changed: () => this.#changes.next(),
    };
  }

  #sent({ partition }: Lane, sent: JournalBatch, appended: Appended): void {
    const { position, batch } = sent;
    this.#dealtWith(partition.index, position + batch.count, batch);
    this.#delivered += batch.count;
    this.#meter.count(batch.count, asyncScheduler.now());
    this.#futures[partition.index]!.resolve(position, batch.count, appended);
    if (this.outcomes.observed)
      for (const outcome of deliveredOutcomes(this.#topic.name, partition.index, sent, appended))
        this.outcomes.next(outcome);
    this.#drains.settle();
  }

  #buried({ partition }: Lane, { position, batch }: JournalBatch, error: unknown): void {
    this.#dealtWith(partition.index, position + 1, batch);
    this.#dead++;
    this.#futures[partition.index]!.reject(position, error);
    const timestamp = batch.timestamps[0]!;
    this.outcomes.next({
      kind: "dead",
      topic: this.#topic.name,
      partition: partition.index,
      position,
      timestamp,
      error,
    });
    this.#drains.settle();
  }

  #dealtWith(index: number, position: number, batch: EventBatch): void {
    const bytes = backlogBytesOf(batch);
    this.#journal.sent(this.#journal.partitions[index]!, position, bytes);
    this.#backlog.leave(bytes);
    this.#changed();
  }

  #keep({ partition: { index } }: Lane, letter: JournalBatch, error: unknown): Observable<unknown> {
    const { name, components } = this.#topic;
    const origin = { topic: name, partition: index, position: letter.position, serializer: components.serializer };
    const deadLetter = this.#rules.deadLetter as ((letter: DeadLetter) => unknown) | undefined;
    return keepLetter(this.#letters, origin, letter, error, deadLetter);
  }

  #deliveredAt(index: number, position: number): Future<number> {
    const promised = new Promised<number>();
    if (this.#isClosed) promised.reject(new SluiceError("ERR_CLOSED", "The producer is closed"));
    else this.#futures[index]!.tell(promised, position, this.#journal.partitions[index]!.position);
    return promised;
  }

  #warn(error: unknown): Observable<never> {
    this.warnings.next(error);
    return EMPTY;
  }

  #changed(): void {
    this.#activity.next();
    this.#changes.next();
  }

  #statusNow(): RobustStatus {
    return statusOf(this.#journal, this.#lanes, {
      delivered: this.#delivered,
      dead: this.#dead,
      rate: this.#meter.at(asyncScheduler.now()),
      isClosed: this.#isClosed,
    });
  }
}
