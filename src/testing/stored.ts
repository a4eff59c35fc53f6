import { mergeAll, type Observable } from "rxjs";
import type { TopicHandle } from "../model/topicHandle.ts";
import type { PlainEvent } from "./plainEvent.ts";
import { storedBatches } from "./storedBatches.ts";

/**
 * What a topic holds, from its beginning, event by event: what its producers got the backend to store.
 *
 * Faults are passed by: it tells what is stored, when it is stored, whatever its producer was told.
 *
 * @param topic - The topic.
 * @returns An Observable that completes at the end of a sealed topic. It fails with `ERR_UNDECODABLE`, and with
 * `ERR_TOPIC_NOT_FOUND` when the topic is deleted. Partitions that are added after the subscription are not looked at.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { produce } from "sluice/operators";
 * import { stored, testTopic } from "sluice/testing";
 *
 * const topic = testTopic<string>({ backend: memoryBackend() });
 * of({ metadata: "a" }).pipe(produce(topic)).subscribe();
 * stored(topic).subscribe((event) => console.log(event)); // { partition: 0, id: 0, metadata: "a" }
 * ```
 */
export function stored<M, I = M>(topic: TopicHandle<M, I>): Observable<PlainEvent<M>> {
  return storedBatches(topic).pipe(mergeAll());
}
