import { catchError, defer, map, switchMap, tap, throwError, type Observable } from "rxjs";
import type { BackendPartition, BackendTopic } from "../../../src/model/backend.ts";
import type { Appended, EventBatch } from "../../../src/model/batch.ts";
import type { Backlog } from "./backlog.ts";
import type { Journal } from "./journal.ts";
import { backlogBytesOf } from "./journalPartition.ts";

/** Lets a pipeline store in a journal as if that were the topic, within the bounds of the backlog. */
export class JournalSinks {
  readonly #target: BackendTopic;
  readonly #journal: Journal;
  readonly #backlog: Backlog;
  readonly #accepted: () => void;
  readonly #sinks: BackendPartition[] = [];

  /**
   * @param target - The topic that the events go to in the end.
   * @param accepted - Called when a batch is in the journal.
   */
  constructor(target: BackendTopic, journal: Journal, backlog: Backlog, accepted: () => void) {
    this.#target = target;
    this.#journal = journal;
    this.#backlog = backlog;
    this.#accepted = accepted;
  }

  /** The topic as the pipeline sees it: it has as many partitions as the other one, also when that grows. */
  get topic(): BackendTopic {
    const partitions = () => this.#partitions();
    const { config } = this.#target;
    return Object.defineProperty({ config }, "partitions", { get: partitions }) as unknown as BackendTopic;
  }

  #partitions(): readonly BackendPartition[] {
    while (this.#sinks.length < this.#target.partitions.length) this.#sinks.push(this.#sink(this.#sinks.length));
    return this.#sinks;
  }

  #sink(index: number): BackendPartition {
    return { index, append: (batch: EventBatch) => this.#accept(index, batch) } as unknown as BackendPartition;
  }

  #accept(index: number, { keys: _, ...batch }: EventBatch): Observable<Appended> {
    return defer(() => {
      const size = backlogBytesOf(batch);
      return this.#backlog.enter(size).pipe(
        switchMap(() =>
          this.#journal.append(index, batch).pipe(
            catchError((error: unknown) => {
              this.#backlog.leave(size);
              return throwError(() => error);
            }),
          ),
        ),
        map((firstId) => ({ firstId })),
        tap(() => this.#accepted()),
      );
    });
  }
}
