/**
 * Compiles a wildcard pattern: `*` stands for any characters, none included, `\*` for an asterisk and `\\` for a backslash.
 *
 * The text between two asterisks is looked for from where the last one was found, and never again further back. So a
 * match takes at most length of text times length of pattern, where a regular expression can take exponential time.
 *
 * @returns A function that tells whether a whole text matches.
 * @throws RangeError when two asterisks follow each other or a backslash escapes something else. The message is the rest of a sentence.
 * @internal
 */
export function wildcard(pattern: string): (text: string) => boolean {
  const parts = splitAtAsterisks(pattern);
  const [first = "", ...others] = parts;
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    return containsInOrder(text, others, first.length, text.length - last.length);
  };
}

function containsInOrder(text: string, parts: readonly string[], start: number, end: number): boolean {
  let position = start;
  for (const part of parts) {
    const found = text.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}

function splitAtAsterisks(pattern: string): string[] {
  const parts = [""];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "*") {
      if (pattern.charAt(index + 1) === "*") throw new RangeError("must not have two asterisks in a row");
      parts.push("");
      continue;
    }
    parts[parts.length - 1] += character === "\\" ? escaped(pattern.charAt(++index)) : character;
  }
  return parts;
}

function escaped(character: string): string {
  if (character === "*" || character === "\\") return character;
  throw new RangeError("must have an asterisk or a backslash behind each backslash");
}
