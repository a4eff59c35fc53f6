import { filter, map, type Observable } from "rxjs";
import type { TopicHandle } from "../model/topicHandle.ts";
import type { EventPosition } from "./eventPosition.ts";
import { journalOf } from "./faultyTopic.ts";

/**
 * What the consumers of a name have acknowledged in a topic: the last event that each acknowledgement covers, when the
 * backend has stored it. Acknowledgements of before the subscription come at once.
 *
 * @param topic - The topic, of {@link testTopic} or of a backend made by `withFaults`.
 * @param consumer - The name of the consumers.
 * @returns An Observable of `[partition, id]`. It does not complete.
 * @throws TypeError when the topic is of neither.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { acknowledge, consume, produce } from "sluice/operators";
 * import { acknowledged, testTopic } from "sluice/testing";
 *
 * const topic = testTopic<string>({ backend: memoryBackend() });
 * acknowledged(topic, "app2").subscribe((position) => console.log(position)); // [ 0, 0 ]
 * of({ metadata: "a" }).pipe(produce(topic)).subscribe();
 * consume(topic, "app2").pipe(acknowledge()).subscribe();
 * ```
 */
export function acknowledged<M, I = M>(topic: TopicHandle<M, I>, consumer: string): Observable<EventPosition> {
  const journal = journalOf(topic.backend);
  if (journal === undefined) {
    throw new TypeError(
      `'topic' must be of testTopic() or of a backend of withFaults(): current value is the topic "${topic.name}"`,
    );
  }
  return journal.acknowledged.pipe(
    filter((each) => each.consumer === consumer),
    map(({ partition, position }): EventPosition => [partition, position - 1]),
  );
}
