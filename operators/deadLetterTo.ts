import { defer, map, of, switchMap, type Observable } from "rxjs";
import type { EventInput } from "../src/model/draft.ts";
import type { Receipt } from "../src/model/receipt.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import type { DeadLetter } from "./processEvents.ts";
import { innerFrom } from "./internal/innerFrom.ts";
import { produce } from "./produce.ts";

/** The metadata of an event in a dead-letter topic. */
export interface DeadLetterMetadata<M = unknown> {
  /** The metadata of the event that could not be handled. */
  readonly metadata: M;
  /** Where it came from. */
  readonly origin: {
    /** Its topic. */
    readonly topic: string;
    /** Its partition. */
    readonly partition: number;
    /** Its id. */
    readonly id: number;
    /** When it was pushed, in milliseconds since 1970. */
    readonly timestamp: number;
  };
  /** Why it could not be handled. */
  readonly error: {
    /** The error's name. */
    readonly name: string;
    /** The error's message. */
    readonly message: string;
    /** The error's code, when it has one. */
    readonly code?: string;
  };
}

/**
 * Stores events that could not be handled in a topic of their own, with all of their data, where they came from and why.
 * For the option `deadLetter` of `processEvents`.
 *
 * @param topic - The dead-letter topic.
 * @returns A function that stores one event and emits its receipt. It fails with what `produce` fails with; the event is
 * then not acknowledged.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, deadLetterTo, processEvents, type DeadLetterMetadata } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * const dead = await driver.createTopic<DeadLetterMetadata<{ n: number }>>("numbers.dead");
 * await topic.producer().push({ n: 13 });
 * const refuse = () => {
 *   throw new Error("unlucky");
 * };
 * await lastValueFrom(consume(topic, "worker", { until: "end" }).pipe(processEvents(refuse, { deadLetter: deadLetterTo(dead) })));
 * const letter = await dead.consumer("post").pull();
 * console.log(letter.metadata.metadata.n, letter.metadata.error.message); // 13 unlucky
 * await driver.close();
 * ```
 */
export function deadLetterTo<M>(
  topic: TopicHandle<DeadLetterMetadata<M>>,
): (letter: DeadLetter<M>) => Observable<Receipt> {
  const store = produce(topic);
  return ({ event, error }) =>
    defer(() => innerFrom(event.fetchData())).pipe(
      map((data): EventInput<DeadLetterMetadata<M>> => {
        const { topic: name, partition, id, timestamp, metadata } = event;
        return {
          metadata: { metadata, origin: { topic: name, partition, id, timestamp }, error: errorFacts(error) },
          data,
        };
      }),
      switchMap((input) => store(of(input))),
    );
}

function errorFacts(error: unknown): DeadLetterMetadata["error"] {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, code } = error as Error & { readonly code?: unknown };
  return typeof code === "string" ? { name, message, code } : { name, message };
}
