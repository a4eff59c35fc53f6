import type { ExitCodeName } from "./exitCodes.ts";

/** What else an error of a command may say. */
export interface CommandErrorOptions {
  /** What the command ends with. @default "usage" */
  readonly exit?: ExitCodeName | undefined;
  /** What the user can do about it. */
  readonly hint?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** Something that is wrong with a command line, or that ends a command with a code of its own. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What the command ends with. */
  readonly exit: ExitCodeName;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(message: string, { exit = "usage", hint, cause }: CommandErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.exit = exit;
    this.hint = hint;
  }
}
