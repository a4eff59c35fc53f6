import { defer, firstValueFrom, from, race, switchMap } from "rxjs";
import { after } from "../../../src/model/after.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import type { OpenRobust } from "./openRobust.ts";

/** What is left when a robust producer has been closed. */
export interface RobustClosed {
  /** How many events are in the journal. They are sent when a producer is made for it again. */
  readonly left: number;
}

/**
 * Takes no more events, waits until what was taken is in the journal and sent, for as long as the deadline allows and as
 * anything is being sent, and closes. Fails with the error of an event that the journal did not take and nobody has heard of;
 * everything is closed then.
 */
export async function closeRobust<I>({ core, release }: OpenRobust<I>, deadline: number): Promise<RobustClosed> {
  const flushed = core.flush("unseen");
  if (!core.isEnded) core.end();
  const sent = defer(() => race(core.drain(), core.standstill));
  await firstValueFrom(race(after(deadline), from(core.accepted).pipe(switchMap(() => sent))));
  await core.close(new SluiceError("ERR_TIMEOUT", `Not all that was pushed was in the journal within ${deadline} ms`));
  const { left } = core;
  await release();
  core.outcomes.complete();
  await flushed;
  if (core.failure !== undefined) throw core.failure.error as Error;
  return { left };
}
