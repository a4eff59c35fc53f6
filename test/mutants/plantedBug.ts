/** A bug, as a change of a few words in one file, and the tests of which one has to find it. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Test files, the one that is most likely to find it first. */
  readonly tests: readonly string[];
}
