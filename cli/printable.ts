// Control characters, and formats such as those that turn the direction of text around; the joiner of emoji may stay.
const hidden = /[\p{Cc}\p{Zl}\p{Zp}]|(?!\u200d)\p{Cf}/gu;

/**
 * Text as it can be shown on one line of a terminal: whatever would move the cursor, change colours or break the line is
 * escaped. Names, messages and metadata come from others.
 */
export function printable(text: string): string {
  return text.replace(hidden, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
