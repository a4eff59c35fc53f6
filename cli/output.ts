import { printable } from "./printable.ts";
import { styleFor, type Style } from "./style.ts";
import type { Terminal } from "./terminal.ts";

/** One column of a table. */
export interface Column<Row> {
  /** What stands above it. */
  readonly title: string;
  /** What stands in it; numbers are set to the right. */
  readonly value: (row: Row) => string | number;
}

/** Where a command says its results (stdout) and everything else (stderr). */
export class Output {
  /** Whether results are JSON. */
  readonly isJson: boolean;
  /** Colours for results. */
  readonly style: Style;
  readonly #terminal: Terminal;
  #failure: NodeJS.ErrnoException | undefined;
  readonly #onEnd: () => void;

  /**
   * @param readerGone - Called once when nobody reads the results any more, as with `| head`.
   */
  constructor(terminal: Terminal, isJson: boolean, readerGone: () => void) {
    this.#terminal = terminal;
    this.isJson = isJson;
    this.style = styleFor(terminal.stdout, terminal.env);
    this.#onEnd = readerGone;
    terminal.stdout.on("error", (error: NodeJS.ErrnoException) => this.#fail(error));
    terminal.stderr.on("error", () => {}); // Whoever does not want to hear what went wrong need not.
  }

  /** Why results can no longer be written. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  /** Writes a result of several forms: as JSON for programs, as text for people. */
  result(value: unknown, asText: () => string): void {
    this.line(this.isJson ? JSON.stringify(value) : asText());
  }

  /** Writes one line to stdout. */
  line(text: string): void {
    if (this.#failure === undefined && text !== "") this.#terminal.stdout.write(`${text}\n`);
  }

  /**
   * Writes text to stdout, and says when it has been taken.
   *
   * @returns A promise that resolves with whether it has been written.
   */
  write(text: string): Promise<boolean> {
    if (this.#failure !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#terminal.stdout.write(text, (error) => {
        if (error) this.#fail(error);
        resolve(!error);
      });
    });
  }

  /** Says something to a person, on stderr. Nothing under `--json`. */
  note(text: string): void {
    if (!this.isJson) this.#say(`${text}\n`);
  }

  /** Says that something is wrong though the command goes on, on stderr. */
  warn(text: string): void {
    const style = styleFor(this.#terminal.stderr, this.#terminal.env);
    this.#say(
      this.isJson ? `${JSON.stringify({ warning: text })}\n` : `${style("yellow", "sluice:")} ${printable(text)}\n`,
    );
  }

  /** Rows under titles, as text. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
    const cells = rows.map((row) => columns.map(({ value }) => value(row)));
    const widths = columns.map(({ title }, i) =>
      Math.max(title.length, ...cells.map((row) => printable(String(row[i])).length)),
    );
    const titles = columns.map(({ title }, i) => pad(title, widths[i]!, typeof cells[0]?.[i] === "number"));
    const lines = cells.map((row) =>
      row.map((cell, i) => pad(printable(String(cell)), widths[i]!, typeof cell === "number")).join("  "),
    );
    return [this.style("dim", titles.join("  ")), ...lines].map((line) => line.trimEnd()).join("\n");
  }

  /** Takes the place of a progress bar, which draws itself again. */
  #say(text: string): void {
    this.#terminal.stderr.write(this.#terminal.stderr.isTTY === true ? `\r\u001b[K${text}` : text);
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onEnd();
  }
}

function pad(text: string, width: number, isNumber: boolean): string {
  return isNumber ? text.padStart(width) : text.padEnd(width);
}
