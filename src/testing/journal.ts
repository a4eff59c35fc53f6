import { ReplaySubject } from "rxjs";

/** What a backend has done for the consumers of one topic, from the beginning. @internal */
export class Journal {
  /** Acknowledgements, as they were stored. */
  readonly acknowledged = new ReplaySubject<{
    readonly consumer: string;
    readonly partition: number;
    readonly position: number;
  }>();
}
