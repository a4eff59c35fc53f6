import { from, lastValueFrom, type ObservableInput } from "rxjs";

/** The answer of a backend to a call. */
export function answerOf<T>(answer: ObservableInput<T>): Promise<T> {
  return lastValueFrom(from(answer), { defaultValue: undefined as T });
}
