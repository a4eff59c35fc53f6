/** What a command ends with, for scripts. They stay the same between major versions. */
export const exitCodes = {
  /** Everything was done. Also: asked to stop while following, after everything was stored; and a reader that went away (`| head`). */
  ok: 0,
  /** Something failed that has no code of its own. */
  failed: 1,
  /** The command line, a configuration or a value is wrong. */
  usage: 2,
  /** There is no such topic, file or partition. */
  notFound: 3,
  /** It is there already, sealed, or in use by another process. */
  conflict: 4,
  /** Events were rejected, and the first one ends the command. */
  rejected: 5,
  /** The service or broker cannot be reached. */
  unavailable: 6,
  /** Not allowed: the token or the rights do not suffice. */
  denied: 7,
  /** Stored data is damaged. */
  damaged: 8,
  /** Something took too long. */
  timeout: 9,
  /** SIGINT ended the command before its input was read to the end. All that had been read is stored. */
  interrupted: 130,
  /** The same by SIGTERM. */
  terminated: 143,
} as const;

/** The names of the exit codes. */
export type ExitCodeName = keyof typeof exitCodes;
