import { CommandError } from "../commandError.ts";

/** What a line in a control file asks for. */
export interface ControlCommand {
  /** `"produce"`: lines of the FIFO become events; `"consume"`: events become its lines. */
  readonly kind: "produce" | "consume";
  /** The FIFO. */
  readonly path: string;
  /** The name of the topic. */
  readonly topic: string;
  /** What stands in parentheses. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Reads a line of a control file: `path -> topic (key=value, …)` makes a producer, `path <- topic (…)` a consumer. A path or a value
 * with spaces, commas, arrows or quotes in it stands in double quotes, where a back-slash takes the next character as it is.
 *
 * @throws CommandError when the line is of neither form.
 */
export function parseControlLine(line: string): ControlCommand {
  const reader = new Reader(line);
  const path = reader.word(/\s/);
  const kind = reader.arrow();
  const topic = reader.word(/[\s(]/);
  const options = reader.options();
  return { kind, path, topic, options };
}

/** Reads a line from left to right. */
class Reader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  /** A quoted word, or one that ends before a character. */
  word(end: RegExp): string {
    this.#skipSpace();
    if (this.#line[this.#at] === `"`) return this.#quoted();
    const start = this.#at;
    while (this.#at < this.#line.length && !end.test(this.#line[this.#at]!)) this.#at++;
    if (this.#at === start) throw this.#problem("a word is missing");
    return this.#line.slice(start, this.#at);
  }

  arrow(): ControlCommand["kind"] {
    this.#skipSpace();
    const arrow = this.#line.slice(this.#at, this.#at + 2);
    this.#at += 2;
    if (arrow === "->") return "produce";
    if (arrow === "<-") return "consume";
    throw this.#problem("-> or <- is missing");
  }

  options(): Record<string, string> {
    const options: Record<string, string> = {};
    this.#skipSpace();
    if (this.#at === this.#line.length) return options;
    this.#expect("(");
    for (let isFirst = true; !this.#take(")"); isFirst = false) {
      if (!isFirst) this.#expect(",");
      const key = this.word(/[\s=]/);
      this.#expect("=");
      options[key] = this.word(/[\s,)]/);
    }
    this.#skipSpace();
    if (this.#at < this.#line.length) throw this.#problem("nothing may stand behind the parentheses");
    return options;
  }

  #quoted(): string {
    let word = "";
    for (this.#at++; this.#at < this.#line.length; this.#at++) {
      const character = this.#line[this.#at]!;
      if (character === `"`) {
        this.#at++;
        return word;
      }
      word += character === "\\" ? (this.#line[++this.#at] ?? "") : character;
    }
    throw this.#problem("a quote is not closed");
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#line[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.#problem(`"${character}" is missing`);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#line[this.#at] ?? "")) this.#at++;
  }

  #problem(reason: string): CommandError {
    const where = `at column ${Math.min(this.#at, this.#line.length) + 1}`;
    return new CommandError(`${reason} ${where} of ${JSON.stringify(this.#line)}`, {
      hint: "write: path -> topic (key=value, …) or path <- topic (…)",
    });
  }
}
