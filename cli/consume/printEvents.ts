import type { Consumer, StreamEvent } from "sluice";

/** How events are printed. */
export interface PrintEventsOptions {
  /** An event as a line. */
  readonly lineOf: (event: StreamEvent) => string | Promise<string>;
  /** Writes text, and answers with whether somebody took it. */
  readonly write: (text: string) => Promise<boolean>;
  /** Told of each event that has been written. */
  readonly written: (event: StreamEvent) => void;
  /** Acknowledges what is left to be, while the consumer still has its partitions. */
  readonly end: () => Promise<void>;
  /** How many events are printed. @default all */
  readonly count?: number | undefined;
  /** Ends it. */
  readonly stopping: AbortSignal;
}

/** Lines are written together up to this size, in characters, while events come faster than they are written. */
const chunkSize = 64 * 1024;

/**
 * Prints events, one a line, until the stream ends, `count` is reached, somebody asks to stop, or nobody reads any more. No
 * event is reported as written before its line is. The consumer is not closed, so that events can still be acknowledged.
 *
 * @param consumer - Where they come from.
 */
export async function printEvents(consumer: Consumer, options: PrintEventsOptions): Promise<void> {
  const { lineOf, write, written, end, count = Number.POSITIVE_INFINITY, stopping } = options;
  const iterator = consumer[Symbol.asyncIterator]();
  const next = untilStopped(iterator, stopping);
  const chunk = new Chunk(write, written);
  try {
    for (let printed = 0; printed < count; printed++) {
      const event = await next();
      if (event === undefined) break;
      chunk.add(event, await lineOf(event));
      if (chunk.size >= chunkSize) await chunk.flush();
      else chunk.flushSoon();
    }
    await chunk.flush();
    await end();
  } finally {
    // Not awaited: where it waits for an event, it returns when the connection is closed.
    void iterator.return(undefined);
  }
}

/** Asks for one event after the other; undefined at the end, and when somebody asks to stop while waiting for the next. */
function untilStopped(
  iterator: AsyncIterator<StreamEvent>,
  stopping: AbortSignal,
): () => Promise<StreamEvent | undefined> {
  let wake = () => {};
  stopping.addEventListener("abort", () => wake(), { once: true });
  return () =>
    new Promise((resolve, reject) => {
      if (stopping.aborted) return resolve(undefined);
      wake = () => resolve(undefined);
      iterator.next().then(({ value }) => resolve(value as StreamEvent | undefined), reject);
      return undefined;
    });
}

/** Lines that wait to be written together. What comes one by one is written at the next turn. */
class Chunk {
  readonly #write: (text: string) => Promise<boolean>;
  readonly #written: (event: StreamEvent) => void;
  #events: StreamEvent[] = [];
  #text = "";
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Immediate | undefined;

  constructor(write: (text: string) => Promise<boolean>, written: (event: StreamEvent) => void) {
    this.#write = write;
    this.#written = written;
  }

  get size(): number {
    return this.#text.length;
  }

  add(event: StreamEvent, line: string): void {
    this.#events.push(event);
    this.#text += `${line}\n`;
  }

  flushSoon(): void {
    this.#timer ??= setImmediate(() => void this.flush());
  }

  flush(): Promise<void> {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#events.length === 0) return this.#writing;
    const [events, text] = [this.#events, this.#text];
    this.#events = [];
    this.#text = "";
    return (this.#writing = this.#writing.then(async () => {
      if (await this.#write(text)) for (const event of events) this.#written(event);
    }));
  }
}
