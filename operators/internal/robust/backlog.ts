import { Observable, of } from "rxjs";
import { SluiceError } from "../../../src/model/errors.ts";

/** What becomes of events that come while the journal is full: `"hold"` lets them wait, `"refuse"` fails them with `ERR_OVERFLOW`. */
export type FullPolicy = "hold" | "refuse";

/** Counts the bytes that wait in a journal, and lets no more in than it may hold. */
export class Backlog {
  readonly #max: number;
  readonly #policy: FullPolicy;
  readonly #waiting: { readonly size: number; readonly enter: () => void }[] = [];
  #bytes: number;

  /** @param bytes - What the journal holds already. */
  constructor(max: number, policy: FullPolicy, bytes: number) {
    this.#max = max;
    this.#policy = policy;
    this.#bytes = bytes;
  }

  /** Emits when there is room, which is then taken. Whoever asks first is first. Something larger than the whole journal gets in when it is empty. */
  enter(size: number): Observable<void> {
    if (this.#waiting.length === 0 && this.#hasRoom(size)) {
      this.#bytes += size;
      return of(undefined);
    }
    if (this.#policy === "refuse") throw full(this.#bytes, this.#max);
    return new Observable<void>((subscriber) => {
      const place = {
        size,
        enter: () => {
          subscriber.next();
          subscriber.complete();
        },
      };
      this.#waiting.push(place);
      return () => {
        const index = this.#waiting.indexOf(place);
        if (index >= 0) this.#waiting.splice(index, 1);
      };
    });
  }

  /** Gives room back. */
  leave(size: number): void {
    this.#bytes = Math.max(0, this.#bytes - size);
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0]!.size)) {
      const { size: taken, enter } = this.#waiting.shift()!;
      this.#bytes += taken;
      enter();
    }
  }

  #hasRoom(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size <= this.#max;
  }
}

function full(bytes: number, max: number): SluiceError {
  return new SluiceError(
    "ERR_OVERFLOW",
    `The journal is full: ${bytes} bytes wait to be sent while 'maxBacklogBytes' is ${max}`,
    {
      details: { backlogBytes: bytes, maxBacklogBytes: max },
    },
  );
}
