import type { TeardownLogic } from "rxjs";

/**
 * Where an engine sends what it makes. A `Subscriber` is one, so that an operator is an engine between two Observables;
 * and engines can be chained without an Observable between them, which is what keeps the producer's hot path short.
 *
 * @internal
 */
export interface Downstream<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
  /** Whether it takes no more. */
  readonly closed: boolean;
  /** Something to be done when it takes no more. */
  add(teardown: TeardownLogic): void;
}
