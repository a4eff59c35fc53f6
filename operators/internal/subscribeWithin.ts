import { Observable, type Observer, type TeardownLogic } from "rxjs";

/**
 * Subscribes to a source for as long as somebody takes what is made of it. A source that emits while it is being
 * subscribed to has not returned its subscription yet: it would go on after `take(1)`, for ever when it has no end.
 *
 * @internal
 */
export function subscribeWithin<T>(
  downstream: { add(teardown: TeardownLogic): void },
  source: Observable<T>,
  observer: Pick<Observer<T>, "next" | "error" | "complete">,
): void {
  const linked = new Observable<T>((inner) => {
    downstream.add(inner);
    source.subscribe(inner);
  });
  linked.subscribe(observer);
}
