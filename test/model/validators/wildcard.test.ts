import test from "ava";
import fc from "fast-check";
import { wildcard } from "../../../src/model/validators/wildcard.ts";

const cases: [pattern: string, matching: string[], other: string[]][] = [
  ["", [""], ["a"]],
  ["*", ["", "a", "a\nb"], []],
  ["dir/*.png", ["dir/.png", "dir/a/b.png"], ["dir/a.pngx", "xdir/a.png", "dir.png"]],
  ["*/bin/*.jar", ["/bin/.jar", "usr/bin/a.jar"], ["bin/a.jar", "/bin/a.class"]],
  ["ab*ba", ["abba", "abxba"], ["aba", "ab", "abbax"]],
  ["a*b*c", ["abc", "aXbYc", "abbc"], ["acb", "ab", "ac"]],
  ["*b*", ["b", "abc"], ["", "a"]],
  ["a.c", ["a.c"], ["abc"]],
  ["[a-z]+(x|y)$", ["[a-z]+(x|y)$"], ["ax"]],
  [String.raw`a\*c`, ["a*c"], ["abc", String.raw`a\*c`]],
  [String.raw`a\\*`, ["a\\", "a\\b"], ["a", "a*"]],
];

for (const [pattern, matching, other] of cases) {
  test(`wildcard() ${JSON.stringify(pattern)}`, (t) => {
    const matches = wildcard(pattern);
    for (const text of matching) t.true(matches(text), text);
    for (const text of other) t.false(matches(text), text);
  });
}

test("wildcard() agrees with trying all ways to match", (t) => {
  const pattern = fc
    .string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 })
    .map((text) => text.replaceAll(/\*+/g, "*"));
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (wanted, given) => t.is(wildcard(wanted)(given), tryAll(wanted, given))),
    { numRuns: 2000 },
  );
});

test("wildcard() does not blow up on many asterisks", (t) => {
  const matches = wildcard(`${"*a".repeat(5000)}*b`);
  // A regular expression of the same meaning would not end in the life of the universe. This takes milliseconds.
  t.false(matches("a".repeat(100_000)));
  t.true(matches(`${"a".repeat(100_000)}b`));
});

test("wildcard() refuses two asterisks in a row and other escapes", (t) => {
  t.throws(() => wildcard("a**b"), { instanceOf: RangeError, message: /two asterisks/ });
  t.throws(() => wildcard(String.raw`a\b`), { instanceOf: RangeError, message: /backslash/ });
  t.throws(() => wildcard("a\\"), { instanceOf: RangeError, message: /backslash/ });
});

function tryAll(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    return tryAll(pattern.slice(1), text) || (text !== "" && tryAll(pattern, text.slice(1)));
  }
  return text.startsWith(pattern.charAt(0)) && tryAll(pattern.slice(1), text.slice(1));
}
