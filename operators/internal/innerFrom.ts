import { from, Observable, type ObservableInput } from "rxjs";

/** Any `ObservableInput` as an Observable, without a wrapper when it is one. @internal */
export function innerFrom<T>(input: ObservableInput<T>): Observable<T> {
  return input instanceof Observable ? input : from(input);
}
