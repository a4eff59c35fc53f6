import { exitCodes, type ExitCodeName } from "./exitCodes.ts";

/** What each exit code means, for help and reference. */
export const exitCodeMeanings: Readonly<Record<ExitCodeName, string>> = {
  ok: "done; also when a command that follows is asked to stop, or its reader goes away (| head)",
  failed: "something failed that has no code of its own",
  usage: "the command line, a configuration or a value is wrong",
  notFound: "there is no such topic, partition or file",
  conflict: "it exists already, is sealed, or is in use",
  rejected: "an event was rejected",
  unavailable: "the service or broker cannot be reached",
  denied: "not allowed",
  damaged: "stored data is damaged",
  timeout: "it took too long",
  interrupted: "SIGINT, before the input was read to its end; all that was read is stored",
  terminated: "the same by SIGTERM",
};

/** The exit codes as text. */
export function exitCodeHelp(): string {
  const lines = Object.entries(exitCodes).map(
    ([name, code]) => `  ${String(code).padStart(3)}  ${exitCodeMeanings[name as ExitCodeName]}`,
  );
  return `Exit codes:\n${lines.join("\n")}`;
}
