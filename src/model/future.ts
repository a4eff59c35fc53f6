import { asyncScheduler, observable, type Observer, type Subscription } from "rxjs";
import { maxDelay } from "./after.ts";
import { describeValue } from "./describeValue.ts";

type State = "pending" | "resolved" | "rejected";

/**
 * A value that will be there later. It can be awaited like a promise, asked whether it is there, waited for with a
 * time-out, and used wherever RxJS takes an `ObservableInput`. Unlike a promise it costs next to nothing until somebody
 * awaits it, and a rejection that nobody looks at is no unhandled rejection.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * const future = topic.producer().push({ n: 1 });
 * console.log(future.completed, await future, future.completed); // false 0 true
 * await driver.close();
 * ```
 */
export class Future<T> implements PromiseLike<T> {
  /** @internal */
  protected state: State = "pending";
  /** @internal */
  protected outcome: unknown = undefined;
  /** Who is waiting; undefined until somebody has waited for it, so that what it says has been told. @internal */
  protected watchers: Partial<Observer<T>>[] | undefined = undefined;

  /** A future that has its value already. */
  static resolved<T>(value: T): Future<T> {
    const future = new Promised<T>();
    future.resolve(value);
    return future;
  }

  /** A future that has failed already. */
  static rejected<T = never>(error: unknown): Future<T> {
    const future = new Promised<T>();
    future.reject(error);
    return future;
  }

  /** Whether the value, or an error, is there. */
  get completed(): boolean {
    return this.state !== "pending";
  }

  /**
   * Waits at most so long.
   *
   * @param timeout - Milliseconds. 0 tests without waiting, a negative time waits for ever, which is the default.
   * @returns The value, or `undefined` when the time ran out. Rejects when the future does.
   * @throws RangeError when the time is not a number.
   */
  wait(timeout = -1): Promise<T | undefined> {
    if (typeof timeout !== "number" || Number.isNaN(timeout)) {
      throw new RangeError(`'timeout' must be a number of milliseconds: current value is ${describeValue(timeout)}`);
    }
    this.waiting();
    if (this.completed || timeout < 0 || timeout > maxDelay) return this.toPromise();
    if (timeout === 0) {
      this.timedOut();
      return Promise.resolve(undefined);
    }
    return new Promise((resolve, reject) => {
      const timer: Subscription = asyncScheduler.schedule(() => {
        unwatch();
        this.timedOut();
        resolve(undefined);
      }, timeout);
      const unwatch = this.watch({
        next: (value) => (timer.unsubscribe(), resolve(value)),
        error: (error: unknown) => (timer.unsubscribe(), reject(error)),
      });
    });
  }

  /** As for a promise. */
  then<A = T, B = never>(
    onResolved?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.toPromise().then(onResolved, onRejected);
  }

  /** As for a promise. */
  catch<B = never>(onRejected?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.toPromise().catch(onRejected);
  }

  /** As for a promise. */
  finally(onSettled?: (() => void) | null): Promise<T> {
    return this.toPromise().finally(onSettled);
  }

  /** @internal */
  [observable](): { subscribe: (observer: Partial<Observer<T>>) => { unsubscribe: () => void } } {
    return {
      subscribe: (observer) => {
        this.waiting();
        const unsubscribe = this.watch({
          next: (value) => {
            observer.next?.(value);
            observer.complete?.();
          },
          error: (error: unknown) => observer.error?.(error),
        });
        return {
          unsubscribe: () => {
            unsubscribe();
            if (!this.completed) this.timedOut();
          },
        };
      },
    };
  }

  /** Whether anybody has ever waited for it. @internal */
  get wasWatched(): boolean {
    return this.watchers !== undefined;
  }

  /** Whether somebody is waiting for it. @internal */
  protected get isWatched(): boolean {
    return this.watchers !== undefined && this.watchers.length > 0;
  }

  /** Called when somebody waits for it for the first time. @internal */
  protected firstWatched(): void {}

  /** Called when somebody begins to wait. @internal */
  protected waiting(): void {}

  /** Called when a wait has run out. @internal */
  protected timedOut(): void {}

  private toPromise(): Promise<T> {
    this.waiting();
    return new Promise((resolve, reject) => this.watch({ next: resolve, error: reject }));
  }

  /** Calls back once, at once when the future has completed. Returns what takes the call back. */
  private watch(watcher: Partial<Observer<T>>): () => void {
    if (this.watchers === undefined) {
      this.watchers = [];
      this.firstWatched();
    }
    if (this.state === "pending") {
      this.watchers.push(watcher);
      return () => {
        this.watchers = this.watchers?.filter((other) => other !== watcher);
      };
    }
    if (this.state === "resolved") watcher.next?.(this.outcome as T);
    else watcher.error?.(this.outcome);
    return () => {};
  }
}

/** The side of a future that completes it. Kept by whoever promised the value. @internal */
export class Promised<T> extends Future<T> {
  resolve(value: T): void {
    this.settle("resolved", value);
  }

  reject(error: unknown): void {
    this.settle("rejected", error);
  }

  private settle(state: State, outcome: unknown): void {
    if (this.state !== "pending") return;
    this.state = state;
    this.outcome = outcome;
    const watchers = this.watchers;
    if (watchers === undefined) return;
    this.watchers = [];
    for (const watcher of watchers) {
      if (state === "resolved") watcher.next?.(outcome as T);
      else watcher.error?.(outcome);
    }
  }
}
