import { Observable } from "rxjs";
import type { ConsumeOptions } from "../src/model/consumeOptions.ts";
import type { StreamEvent } from "../src/model/event.ts";
import { checkName } from "../src/model/names.ts";
import type { TopicHandle } from "../src/model/topicHandle.ts";
import { checkConsumeOptions } from "./internal/checkConsumeOptions.ts";
import { ConsumerCore } from "./internal/consumerCore.ts";

/**
 * The events of a topic, from behind the last one that was acknowledged under this name. Consumers of the same name share
 * the partitions; each subscription is a consumer of its own.
 *
 * Fetches ahead no further than `maxBatches` and `maxBytes` allow. Unsubscribing stops at once; what was delivered can
 * still be acknowledged, for as long as no other consumer of the name has been given the partition.
 *
 * @param topic - The topic.
 * @param name - The consumer's name, under which acknowledgements are kept.
 * @param options - Bounds, data selection, where to start and when to end.
 * @returns An Observable that completes at the end of a sealed topic or as `until` says. It fails with `ERR_UNDECODABLE`,
 * `ERR_DESCRIPTOR`, `ERR_ALLOCATION`, `ERR_TOPIC_NOT_FOUND` when the topic is deleted, or with what the backend, the
 * selector or the allocator failed with.
 * @throws TypeError, RangeError or `ERR_INVALID_PARTITION` when the name or an option is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom, map, of, toArray } from "rxjs";
 * import { connect } from "sluice";
 * import { consume, produce } from "sluice/operators";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * await lastValueFrom(of({ metadata: { n: 7 } }).pipe(produce(topic)));
 * const events$ = consume(topic, "reader", { until: "end" });
 * console.log(await lastValueFrom(events$.pipe(map((event) => event.metadata.n), toArray()))); // [7]
 * await driver.close();
 * ```
 */
export function consume<M, I = M>(
  topic: TopicHandle<M, I>,
  name: string,
  options: ConsumeOptions<M> = {},
): Observable<StreamEvent<M>> {
  checkName("consumer", name);
  const checked = checkConsumeOptions(options, topic.backend.partitions.length);
  return new Observable((subscriber) => {
    const core = new ConsumerCore<M>(topic as unknown as TopicHandle<M, never>, name, checked, subscriber);
    subscriber.add(() => core.stop());
    core.start();
  });
}
