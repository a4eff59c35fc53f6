import type { ObservableInput } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import { SluiceError } from "../model/errors.ts";

/**
 * What a call of a backend answers at once, without a promise and without any time passing.
 *
 * @throws SluiceError `ERR_UNSUPPORTED` when there is no answer yet, or with what the call failed with.
 * @internal
 */
export function answerNow<T>(call: ObservableInput<T>, what: string): T {
  const answers: T[] = [];
  const errors: unknown[] = [];
  innerFrom(call)
    .subscribe({ next: (value) => answers.push(value), error: (error: unknown) => errors.push(error) })
    .unsubscribe();
  if (errors.length > 0) throw errors[0];
  if (answers.length > 0) return answers[0]!;
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    `${what} must be answered at once, as memoryBackend() does: virtual time moves no promise`,
  );
}
