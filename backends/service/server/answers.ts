/** How a request that changes something has ended. */
export type Outcome = { readonly value: readonly Uint8Array[]; readonly type: number } | { readonly error: unknown };

/** More requests than this are never in flight in one session, so an answer that falls out has been received. */
const remembered = 4096;

/**
 * The answers that one session's requests have got. A request that is sent again after a connection was lost, since nobody
 * knows whether it arrived, gets the answer of the first time: it is carried out once.
 */
export class Answers {
  readonly #outcomes = new Map<number, Outcome | ((outcome: Outcome) => void)[]>();
  #inFlight = 0;

  /** How many requests are being carried out. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether as many requests are being carried out as can be remembered. */
  get isFull(): boolean {
    return this.#inFlight >= remembered;
  }

  /**
   * Carries out a request, unless it has been begun before.
   *
   * @param isAgain - Whether the client has sent it before.
   * @param run - Carries it out, and calls back once.
   * @param answer - Called with how it ended.
   */
  once(
    stream: number,
    isAgain: boolean,
    run: (done: (outcome: Outcome) => void) => void,
    answer: (outcome: Outcome) => void,
  ): void {
    const known = isAgain ? this.#outcomes.get(stream) : undefined;
    if (Array.isArray(known)) {
      known.push(answer);
      return;
    }
    if (known !== undefined) return answer(known);
    const waiting = [answer];
    this.#outcomes.delete(stream); // Numbers come again after some billions of requests.
    this.#outcomes.set(stream, waiting);
    this.#inFlight++;
    run((outcome) => {
      this.#inFlight--;
      this.#outcomes.set(stream, outcome);
      this.#forgetOldest();
      for (const each of waiting) each(outcome);
    });
  }

  #forgetOldest(): void {
    for (const [stream, outcome] of this.#outcomes) {
      if (this.#outcomes.size <= remembered) return;
      if (!Array.isArray(outcome)) this.#outcomes.delete(stream);
    }
  }
}
