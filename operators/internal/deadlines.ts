import { Subscription } from "rxjs";
import { after } from "../../src/model/after.ts";
import { SluiceError } from "../../src/model/errors.ts";

/** Gives functions of the caller's a time within which they have to answer. @internal */
export class Deadlines {
  readonly #timeout: number;
  /** The times that are running. */
  readonly #running = new Subscription();

  /** @param timeout - Milliseconds; `Infinity` waits for ever. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** The answer, or a failure with `ERR_TIMEOUT` when it takes too long. */
  within<T>(what: string, answer: PromiseLike<T>): PromiseLike<T> {
    if (this.#timeout === Infinity) return answer;
    return new Promise<T>((resolve, reject) => {
      const late = after(this.#timeout).subscribe(() =>
        reject(new SluiceError("ERR_TIMEOUT", `The ${what} took longer than ${this.#timeout} ms`)),
      );
      this.#running.add(late);
      const settled = () => {
        late.unsubscribe();
        this.#running.remove(late);
      };
      answer.then(
        (value) => (settled(), resolve(value)),
        (error: unknown) => (settled(), reject(error)),
      );
    });
  }

  /** Lets go of every time that is running: nobody waits for the answers any more. */
  stop(): void {
    this.#running.unsubscribe();
  }
}

/** No time is set. @internal */
export const noDeadlines = new Deadlines(Infinity);
