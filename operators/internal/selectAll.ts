import type { DataSelector } from "../../src/model/consumeOptions.ts";
import { DataDescriptor } from "../../src/model/descriptor.ts";
import { describeValue } from "../../src/model/describeValue.ts";
import { isSluiceError } from "../../src/model/errors.ts";
import { foreignDescriptor, type StreamEvent } from "../../src/model/event.ts";
import { noDeadlines, type Deadlines } from "./deadlines.ts";
import { mapAll } from "./whenReady.ts";

/**
 * Asks a data selector about each event, and notes what it chose.
 *
 * @throws TypeError when an answer is no descriptor, SluiceError `ERR_DESCRIPTOR` when it is one of another event, `ERR_TIMEOUT`
 * when it does not come in time.
 * @internal
 */
export function selectAll<M>(
  events: readonly StreamEvent<M>[],
  selector: DataSelector<M>,
  deadlines: Deadlines = noDeadlines,
): unknown {
  return mapAll(events, (event) => {
    if (!isDecodable(event)) return note(event, undefined); // Whoever wants such events delivered gets them without data.
    const answer = selector(event.metadata, event.descriptor);
    if (answer instanceof DataDescriptor || answer === null || answer === undefined) return note(event, answer);
    return deadlines.within("data selector", Promise.resolve(answer)).then((selected) => note(event, selected));
  });
}

function isDecodable(event: StreamEvent<unknown>): boolean {
  try {
    return event.metadata !== event;
  } catch (error) {
    if (isSluiceError(error, "ERR_UNDECODABLE")) return false;
    throw error;
  }
}

function note<M>(event: StreamEvent<M>, selected: unknown): void {
  if (selected === null || selected === undefined) {
    event.selection = undefined;
    return;
  }
  if (!(selected instanceof DataDescriptor)) {
    throw new TypeError(
      `A data selector must return a DataDescriptor or null: current value is ${describeValue(selected)}`,
    );
  }
  if (!selected.sharesOriginWith(event.descriptor)) throw foreignDescriptor(event, selected);
  event.selection = selected;
}
