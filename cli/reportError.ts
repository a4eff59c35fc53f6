import { isSluiceError } from "sluice";
import { CommandError } from "./commandError.ts";
import { exitCodeOf } from "./exitCodeOf.ts";
import { printable } from "./printable.ts";
import type { Style } from "./style.ts";
import { systemMessage } from "./systemMessage.ts";

/** How an error is shown. */
export interface ReportErrorOptions {
  /** `"line"`: one readable line; `"causes"`: with every error underneath; `"json"`: an object for programs. */
  readonly as: "line" | "causes" | "json";
  /** Colours. */
  readonly style: Style;
}

const hints: Readonly<Record<string, string>> = {
  ERR_LOCKED: "only one process at a time opens a log: let `sluice serve` open it and connect to the service",
  EADDRINUSE: "stop it, or choose other ports with --port or in the configuration",
  ERR_TOPIC_NOT_FOUND: "`sluice topic list` shows those that there are",
};

/**
 * An error as text: one line that says what is wrong and what to do about it.
 *
 * @param error - Anything that was thrown.
 * @returns Text without a line break at its end.
 */
export function reportError(error: unknown, { as, style }: ReportErrorOptions): string {
  if (as === "json") return JSON.stringify({ error: { ...factsOf(error), exitCode: exitCodeOf(error) } });
  const hint = hintOf(error);
  const first = `${style("red", "sluice:")} ${messageOf(error)}${hint === undefined ? "" : style("dim", ` (${hint})`)}`;
  if (as === "line") return first;
  return [first, ...chainOf(error).map((cause) => `  ${style("dim", "because:")} ${describe(cause)}`), stackOf(error)]
    .filter((line) => line !== "")
    .join("\n");
}

function factsOf(error: unknown): Record<string, unknown> {
  const hint = hintOf(error);
  const facts = { message: messageOf(error), ...(hint !== undefined && { hint }) };
  if (isSluiceError(error)) return { code: error.code, ...facts, details: error.details };
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? { code, ...facts } : facts;
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CommandError) return error.hint;
  const code = (error as { code?: unknown } | null)?.code;
  return ownCauseOf(error)?.hint ?? (typeof code === "string" ? hints[code] : undefined);
}

/** What the library was told by something of the command's own, such as the reader of a key file, says it best. */
function ownCauseOf(error: unknown): CommandError | undefined {
  const cause = (error as { cause?: unknown } | null)?.cause;
  return cause instanceof CommandError ? cause : undefined;
}

function messageOf(error: unknown): string {
  const message = systemMessage(error) ?? (error instanceof Error ? error.message || error.name : String(error));
  const own = error instanceof CommandError ? undefined : ownCauseOf(error);
  return printable(own === undefined ? message : `${message}: ${own.message}`);
}

function describe(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? `${messageOf(error)} [${printable(code)}]` : messageOf(error);
}

/** The errors underneath, outermost first; an error that is its own cause is shown once. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  let cause = (error as { cause?: unknown } | null)?.cause;
  while (cause !== undefined && cause !== null && !chain.includes(cause) && chain.length < 16) {
    chain.push(cause);
    cause = (cause as { cause?: unknown }).cause;
  }
  return chain;
}

function stackOf(error: unknown): string {
  if (error instanceof CommandError || !(error instanceof Error) || error.stack === undefined) return "";
  return error.stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => printable(line.trim()))
    .map((line) => `    ${line}`)
    .join("\n");
}
