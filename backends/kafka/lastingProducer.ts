import type { ProducerMark } from "./producerMarks.ts";

/** Milliseconds of rest after which a mark is closed. */
const rest = 1000;
/** How many offsets an open mark may lie behind before it is brought forward. */
const stride = 5000;

/** What a lasting producer needs of its partition. */
export interface LastingProducerHost {
  readonly put: (mark: ProducerMark) => Promise<void>;
  /** Where the partition ends. */
  readonly end: () => Promise<number>;
}

/** What storing a batch has come to. */
export interface Stored<T> {
  readonly answer: T;
  /** The sequence number of the next event. */
  readonly next: number;
  /** The offset behind the last event. */
  readonly end: number;
}

/**
 * Keeps the mark of one producer in one partition (see `ProducerMarks`) while it stores batches there, one after the other. It is
 * of no more use when one has failed: nobody knows then what is stored, and the mark stays open.
 */
export class LastingProducer {
  readonly #host: LastingProducerHost;
  #mark: ProducerMark;
  #next: number;
  #end: number;
  #state: "resting" | "storing" | "failed" = "resting";
  #restsSince = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param next - The sequence number of its next event.
   * @param end - An offset from which on nothing of it lies.
   */
  constructor(next: number, end: number, host: LastingProducerHost) {
    this.#mark = { next, offset: end, state: "closed" };
    this.#next = next;
    this.#end = end;
    this.#host = host;
  }

  /** Stores a batch under an open mark. */
  async store<T>(work: () => Promise<Stored<T>>): Promise<T> {
    this.#state = "storing";
    try {
      if (this.#mark.state === "closed") {
        await this.#put({ next: this.#next, offset: await this.#host.end(), state: "open" });
      }
      const { answer, next, end } = await work();
      [this.#next, this.#end] = [next, end];
      this.#rests();
      return answer;
    } catch (error) {
      this.#state = "failed";
      clearTimeout(this.#timer);
      throw error;
    }
  }

  /** Closes the mark, unless a batch is on its way or nobody knows what became of one. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#mark.state === "closed" || this.#state !== "resting") return;
    // Where that fails it stays open in the cluster, and more has to be read.
    await this.#put({ next: this.#next, offset: this.#end, state: "closed" }).catch(() => undefined);
  }

  #rests(): void {
    this.#state = "resting";
    this.#restsSince = Date.now();
    if (this.#end - this.#mark.offset >= stride) {
      void this.#put({ next: this.#next, offset: this.#end, state: "open" }).catch(() => undefined); // The one before it holds as well.
    }
    this.#timer ??= this.#closeIn(rest);
  }

  #closeIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.#state === "failed") return;
      const left = this.#restsSince + rest - Date.now();
      if (this.#state === "resting" && left <= 0) void this.close();
      else this.#timer = this.#closeIn(Math.max(left, rest / 4));
    }, milliseconds).unref();
  }

  /** Marks are stored in the order in which they are put. */
  #put(mark: ProducerMark): Promise<void> {
    this.#mark = mark;
    return this.#host.put(mark);
  }
}
