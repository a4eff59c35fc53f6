import type { Readable, Writable } from "node:stream";

/** A stream that a person may be looking at. */
export interface Screen extends Writable {
  /** Whether it is a terminal. */
  readonly isTTY?: boolean | undefined;
  /** How many characters fit into one line. */
  readonly columns?: number | undefined;
}

/** Everything that a command sees of the process that it runs in. A test hands in one of its own. */
export interface Terminal {
  /** Where lines come from. */
  readonly stdin: Readable;
  /** Where results go. */
  readonly stdout: Screen;
  /** Where everything goes that is said to a person: notes, progress, errors. */
  readonly stderr: Screen;
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /**
   * Calls back when the user or the system asks the command to stop. Before this is called, a signal simply ends the process.
   *
   * @returns What takes the callback back.
   */
  readonly onSignal: (handler: (signal: "SIGINT" | "SIGTERM") => void) => () => void;
  /**
   * Calls back when the process is sent SIGHUP: somebody wants it to read its configuration again, or the terminal that it was
   * started in is gone. Before this is called, the signal simply ends the process.
   *
   * @returns What takes the callback back.
   */
  readonly onHangUp?: ((handler: (reason: "reload" | "terminal gone") => void) => () => void) | undefined;
  /**
   * Calls back when nobody reads the results any more, where that can be known without a write.
   *
   * @returns What takes the callback back.
   */
  readonly onReaderGone?: ((handler: () => void) => () => void) | undefined;
}
