import { of, switchMap, type Observable } from "rxjs";
import type { Receipt } from "../src/model/receipt.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { deadLetterEvent, type DeadLetterMetadata } from "./internal/deadLetterEvent.ts";
import type { DeadLetter } from "./processEvents.ts";
import { produce } from "./produce.ts";

export type { DeadLetterMetadata } from "./internal/deadLetterEvent.ts";

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
  return (letter) => deadLetterEvent(letter).pipe(switchMap((input) => store(of(input))));
}
