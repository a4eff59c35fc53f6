/** Something that a sample printed. */
export interface Printed {
  readonly text: string;
  /** Where the sample called `console.log`; left out when nobody knows. */
  readonly line?: number;
  readonly column?: number;
}

/** How a sample went. */
export interface Outcome {
  readonly printed: readonly Printed[];
  readonly errors: readonly string[];
  /** What it has left running, if it did not end. */
  readonly leftovers?: string;
}

/** What the process that runs samples is told. */
export interface ToRunner {
  readonly urls: readonly string[];
  /** Milliseconds that one sample may take. */
  readonly deadline: number;
}

/** What it tells. */
export type FromRunner =
  | { readonly kind: "begin"; readonly url: string }
  | { readonly kind: "end"; readonly url: string; readonly outcome: Outcome };
