import { Writable } from "node:stream";
import { pino, type Logger } from "pino";
import { printable } from "../printable.ts";
import { styleFor } from "../style.ts";
import type { Terminal } from "../terminal.ts";

/** How a service writes about itself. */
export interface LoggerOptions {
  /** The least that is written. @default "info" */
  readonly level?: string | undefined;
  /** JSON lines, or text for people; `"auto"`: text on a terminal. @default "auto" */
  readonly format?: "auto" | "json" | "text" | undefined;
}

/** Fields that may hold a secret, wherever they are. */
const secrets = ["token", "tokens", "hash", "authorization", "password", "key", "cert"];

/** Makes the logger of a service. It writes to stderr, and never what may be a secret. */
export function makeLogger(
  { stderr, env }: Pick<Terminal, "stderr" | "env">,
  { level = "info", format = "auto" }: LoggerOptions = {},
): Logger {
  const isText = format === "text" || (format === "auto" && stderr.isTTY === true);
  const style = styleFor(stderr, env);
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stderr.write(isText ? asText(chunk.toString(), style) : chunk);
      done();
    },
  });
  const redact = { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: "[not shown]" };
  return pino({ level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

function asText(line: string, style: ReturnType<typeof styleFor>): string {
  const { level, time, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const format = Number(level) >= 50 ? "red" : Number(level) >= 40 ? "yellow" : "green";
  const details = Object.entries(facts).map(
    ([name, value]) =>
      `${style("dim", `${name}=`)}${printable(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  return [style("dim", String(time).slice(11, 19)), style(format, printable(String(msg))), ...details].join(" ") + "\n";
}
