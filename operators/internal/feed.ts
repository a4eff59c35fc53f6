import { Observable, type ObservableInput, type Subject, type Subscription } from "rxjs";
import type { EventInput } from "../../src/model/draft.ts";
import { isPromiseLike } from "../../src/model/isPromiseLike.ts";
import { innerFrom } from "./innerFrom.ts";
import { subscribeWithin } from "./subscribeWithin.ts";
import { Turn } from "./turn.ts";

/** What takes the events of a stream. */
export interface Feedable<I> {
  /** Whether there is room for more. */
  readonly isReady: boolean;
  /** Emits when there is room and somebody waits for it. */
  readonly room: Subject<void>;
  /** Whether it takes no more events. */
  readonly isEnded: boolean;
  /** Takes an event. */
  pushInput(input: EventInput<I>): void;
  /** Takes no more events. */
  end(failure?: { readonly error: unknown }): void;
}

/**
 * Hands the events of a source over: an iterable is pulled no faster than there is room, an Observable brings them as it likes.
 * The end of `feeding` lets go of the source.
 *
 * @internal
 */
export function feed<I>(source: ObservableInput<EventInput<I>>, core: Feedable<I>, feeding: Subscription): void {
  if (isIterable(source)) return pull(source, core, feeding);
  subscribeWithin(feeding, innerFrom(source), {
    next: (input) => core.pushInput(input),
    error: (error: unknown) => core.end({ error }),
    complete: () => core.end(),
  });
}

type PullSource<T> = AsyncIterable<T> | Iterable<T>;

function isIterable<T>(source: ObservableInput<T>): source is PullSource<T> & ObservableInput<T> {
  if (source instanceof Observable) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}

/** Pulls events while there is room. The end of `feeding` stops it and lets the source clean up. */
function pull<I>(source: PullSource<EventInput<I>>, core: Feedable<I>, feeding: Subscription): void {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let exhausted = false;
  const turn = new Turn();
  const run = async () => {
    while (!feeding.closed && !core.isEnded) {
      if (!core.isReady) await nextRoom(core);
      if (turn.isOver) await turn.next();
      if (feeding.closed || core.isEnded) break;
      const answer = iterator.next();
      const { done, value } = isPromiseLike(answer) ? await answer : answer;
      if (done === true) exhausted = true;
      if (done === true) return core.end();
      if (!feeding.closed) core.pushInput(value);
    }
  };
  const cleanUp = async () => {
    if (exhausted) return;
    exhausted = true;
    await iterator.return?.();
  };
  feeding.add(() => {
    core.room.next();
    cleanUp().catch(() => undefined); // Its own clean-up has nobody left to tell.
  });
  run().then(
    () => feeding.unsubscribe(),
    (error: unknown) => {
      exhausted = true;
      core.end({ error });
    },
  );
}

function nextRoom(core: Pick<Feedable<unknown>, "room">): Promise<void> {
  return new Promise((resolve) => {
    const subscription = core.room.subscribe(() => {
      subscription.unsubscribe();
      resolve();
    });
  });
}
