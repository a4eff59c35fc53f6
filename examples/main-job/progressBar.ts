import { number, percent } from "./format.ts";
import type { Screen } from "./drawFrame.ts";
import type { Progress } from "./tally.ts";

const redrawAfter = 80;
const barWidth = 28;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Shows how far the job is: as a bar where it can be redrawn, as a line for each quarter where it cannot. */
export class ProgressBar {
  readonly #screen: Screen;
  #last: Progress | undefined;
  #drawnAt = -Infinity;
  #quarter = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  update(progress: Progress): void {
    this.#last = progress;
    if (this.#screen.isTTY !== true) return this.#tellQuarter(progress);
    if (performance.now() - this.#drawnAt >= redrawAfter) this.#draw(progress);
  }

  /** Shows the end of it. May be called twice. */
  end(): void {
    if (this.#last === undefined || this.#screen.isTTY !== true) return;
    this.#draw(this.#last);
    this.#screen.write("\n");
    this.#last = undefined;
  }

  #tellQuarter({ total, produced, handled }: Progress): void {
    const quarter = Math.floor((4 * produced) / total);
    if (quarter <= this.#quarter) return;
    this.#quarter = quarter;
    this.#screen.write(`${percent(produced, total).padStart(5)} produced, ${number(handled)} events handled\n`);
  }

  #draw({ total, produced, stored, handled }: Progress): void {
    const counts = `${number(stored)} stored, ${number(handled)} handled`;
    const line = `${bar(produced / total)} ${percent(produced, total).padStart(5)}  ${counts}`;
    // The line is cut, since one that wraps could not be drawn over.
    this.#screen.write(`\r\x1b[2K${line.slice(0, (this.#screen.columns ?? 80) - 1)}`);
    this.#drawnAt = performance.now();
  }
}

function bar(part: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * barWidth * 8);
  const text = "█".repeat(Math.floor(filled / 8)) + eighths[filled % 8];
  return `${text.padEnd(barWidth)}▏`;
}
