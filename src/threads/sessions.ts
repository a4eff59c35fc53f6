import type { WorkerSlot } from "./workerSlot.ts";

/** Which thread keeps the state of which session. @internal */
export interface Sessions {
  /** The number that messages name a session by. */
  numberOf(session: object): number;
  /** Its thread. */
  slotOf(session: object): WorkerSlot;
}

/** Hands sessions to threads in turn. A session that the program holds no more is forgotten there too. @internal */
export function makeSessions(slots: readonly WorkerSlot[]): Sessions {
  const known = new WeakMap<object, { readonly number: number; readonly slot: WorkerSlot }>();
  const forgotten = new FinalizationRegistry<() => void>((forget) => forget());
  let count = 0;

  function find(session: object): { readonly number: number; readonly slot: WorkerSlot } {
    const found = known.get(session);
    if (found !== undefined) return found;
    const number = ++count;
    const slot = slots[number % slots.length] as WorkerSlot;
    const entry = { number, slot };
    known.set(session, entry);
    forgotten.register(session, () => slot.endSession(number));
    return entry;
  }

  return { numberOf: (session) => find(session).number, slotOf: (session) => find(session).slot };
}
