/**
 * Simulated time for work that also waits for a real disk: a `TestScheduler` cannot wait for one. The timers of RxJS are intervals, so
 * it takes the place of those and of the date, until `restore`. Whatever else is run in the same process gets it as well.
 */
export class SimulatedClock {
  readonly #real = { setInterval, clearInterval, now: Date.now };
  readonly #timers = new Map<object, { readonly run: () => void; readonly every: number; due: number }>();
  #now = Date.now();

  constructor() {
    Date.now = () => this.#now;
    globalThis.setInterval = ((run: () => void, every = 0) => {
      const handle = { ref: () => handle, unref: () => handle, hasRef: () => false };
      this.#timers.set(handle, { run, every: Math.max(1, every), due: this.#now + Math.max(1, every) });
      return handle;
    }) as unknown as typeof setInterval;
    globalThis.clearInterval = ((handle: object) => {
      this.#timers.delete(handle);
    }) as typeof clearInterval;
  }

  /** Lets so many milliseconds pass. After each timer the event loop has some turns. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await turns(3);
      const [next] = [...this.#timers.values()].sort((a, b) => a.due - b.due);
      if (next === undefined || next.due > end) break;
      this.#now = next.due;
      next.due += next.every;
      next.run();
    }
    this.#now = end;
  }

  restore(): void {
    globalThis.setInterval = this.#real.setInterval;
    globalThis.clearInterval = this.#real.clearInterval;
    Date.now = this.#real.now;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
