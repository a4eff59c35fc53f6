import { from, Observable, take, type ObservableInput } from "rxjs";
import type { BackendTopic } from "sluice";

/** The part of a topic that one rank has. It is opened when it is first used, and calls keep their order meanwhile. */
export class TopicPart {
  readonly #open: () => ObservableInput<BackendTopic>;
  readonly #waiting: { readonly start: (topic: BackendTopic) => void; readonly fail: (error: unknown) => void }[] = [];
  #topic: BackendTopic | undefined;
  #isOpening = false;

  constructor(open: () => ObservableInput<BackendTopic>) {
    this.#open = open;
  }

  /** Does something with it, once for each subscription. Fails with what keeps it from being opened. */
  use<T>(run: (topic: BackendTopic) => ObservableInput<T>): Observable<T> {
    return new Observable((subscriber) => {
      const start = (topic: BackendTopic) => {
        if (subscriber.closed) return;
        try {
          subscriber.add(from(run(topic)).subscribe(subscriber));
        } catch (error) {
          subscriber.error(error);
        }
      };
      if (this.#topic !== undefined) return start(this.#topic);
      this.#waiting.push({ start, fail: (error) => subscriber.error(error) });
      this.#openOnce();
    });
  }

  #openOnce(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    from(this.#open())
      .pipe(take(1))
      .subscribe({
        next: (topic) => {
          for (let each = this.#waiting.shift(); each !== undefined; each = this.#waiting.shift()) each.start(topic);
          this.#topic = topic;
        },
        error: (error: unknown) => {
          this.#isOpening = false; // The next one who asks tries again.
          for (const each of this.#waiting.splice(0)) each.fail(error);
        },
      });
  }
}
