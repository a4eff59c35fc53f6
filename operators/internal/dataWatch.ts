import { checksum } from "../../src/model/checksum.ts";
import type { EventDraft } from "../../src/model/draft.ts";
import { SluiceError } from "../../src/model/errors.ts";

/** Finds out whether the data of an event was changed between its push and its storing. For debugging. @internal */
export class DataWatch<D extends EventDraft> {
  /** What the data of each event was at its push. */
  readonly #checksums = new WeakMap<D, number>();
  readonly #changed: (draft: D, error: SluiceError) => void;

  /** @param changed - Told of each event whose data was changed. */
  constructor(changed: (draft: D, error: SluiceError) => void) {
    this.#changed = changed;
  }

  /** Remembers what the data of an event is. */
  remember(draft: D): void {
    this.#checksums.set(draft, checksum(draft.data.segments));
  }

  /** Whether the data of an event is what it was. It is told where it is not. */
  isUnchanged(draft: D): boolean {
    if (checksum(draft.data.segments) === this.#checksums.get(draft)) return true;
    this.#changed(
      draft,
      new SluiceError("ERR_DATA_CHANGED", "The data of an event was changed before the event was stored"),
    );
    return false;
  }
}
