import { Observable } from "rxjs";
import type { Closable, TopicHandle } from "../model/topicHandle.ts";

/**
 * Samples that end with the driver: without it their timer would keep a process alive that has closed everything.
 *
 * @param attach - How something is closed together with the driver.
 * @param ending - What is closed with it; the samples themselves when it is left out.
 * @internal
 */
export function untilClosed<S>(
  attach: TopicHandle["attach"],
  samples: Observable<S>,
  ending?: Closable,
): Observable<S> {
  return new Observable((subscriber) => {
    const close = () => Promise.resolve(subscriber.complete());
    subscriber.add(attach?.(ending ?? { close }));
    subscriber.add(samples.subscribe(subscriber));
  });
}
