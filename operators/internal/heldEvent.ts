import type { StreamEvent } from "../../src/model/event.ts";

/** An event that was taken over from the consumer and is not yet done with. @internal */
export interface HeldEvent<M> {
  readonly event: StreamEvent<M>;
  /** Lets the consumer count it as handled. */
  release: () => void;
  /** `"returned"`: its partition was taken away, or the consumer is closing, before it was begun with. */
  state: "waiting" | "running" | "done" | "returned";
}

/** Takes an event over. Until somebody begins with it, it can be given back. @internal */
export function holdEvent<M>(event: StreamEvent<M>): HeldEvent<M> {
  const held: HeldEvent<M> = { event, release: () => {}, state: "waiting" };
  held.release = event.hold(() => {
    if (held.state === "waiting") held.state = "returned";
    return held.state === "returned";
  });
  return held;
}
