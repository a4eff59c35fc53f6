import { interval, type Subscription } from "rxjs";
import type { Terminal } from "./terminal.ts";
import { styleFor } from "./style.ts";

/** What a progress bar shows. */
export interface Progress {
  /** How far it is, from 0 to 1; undefined when nobody knows how much there is. */
  readonly part: number | undefined;
  /** What stands beside it. */
  readonly text: string;
}

const width = 24;
const refreshMs = 100;

/**
 * Shows how far something is on one line of stderr, where that is a terminal; elsewhere nothing.
 *
 * @param current - Says how far it is.
 * @returns What takes the line away again.
 */
export function progressBar({ stderr, env }: Pick<Terminal, "stderr" | "env">, current: () => Progress): () => void {
  if (stderr.isTTY !== true) return () => {};
  const style = styleFor(stderr, env);
  const draw = () => {
    const { part, text } = current();
    const line = (part === undefined ? "" : `${bar(part)} ${Math.floor(part * 100)} %  `) + text;
    stderr.write(`\r\u001b[K${style("cyan", line.slice(0, Math.max(20, stderr.columns ?? 80) - 1))}`);
  };
  const ticks: Subscription = interval(refreshMs).subscribe(draw);
  return () => {
    ticks.unsubscribe();
    stderr.write("\r\u001b[K");
  };
}

function bar(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * width);
  return `${"█".repeat(full)}${"░".repeat(width - full)}`;
}
