import test from "ava";
import { checkSamples } from "./support/checkSamples.ts";
import { expectationsOf, isAsExpected } from "./support/expected.ts";
import { extractDocstrings, extractMarkdown, type Extract } from "./support/extract.ts";

/** A document that is nothing but blocks of code, each of `[info, ...lines]`. The first line of the first block is line 2. */
function documentOf(path: string, ...blocks: readonly (readonly [info: string, ...lines: string[]])[]): Extract {
  const text = blocks.map(([info, ...lines]) => [`\`\`\`${info}`, ...lines, "```"].join("\n")).join("\n");
  return extractMarkdown(path, text);
}

/** What is planted, and what the runner has to say of it: nothing, or one problem that matches. */
const planted: readonly { name: string; extract: Extract; problem?: RegExp }[] = [
  {
    name: "a sound block",
    extract: documentOf("sound.md", [
      "ts",
      `import { range } from "rxjs";`,
      `range(1, 3).subscribe((n) => console.log(n)); // 1, 2, 3`,
    ]),
  },
  {
    name: "a wrong comment",
    extract: documentOf("wrong.md", ["ts", `console.log(1 + 1); // 3`]),
    problem: /^wrong\.md:2: "3" was expected: printed was 2$/,
  },
  {
    name: "a comment for too few values",
    extract: documentOf("few.md", ["ts", `for (const n of [1, 2]) console.log(n); // 1`]),
    problem: /^few\.md:2: "1" was expected: printed was 1, 2$/,
  },
  {
    name: "a print that no comment speaks of",
    extract: documentOf("silent.md", ["ts", ``, `console.log(7);`]),
    problem: /^silent\.md:3: no comment says what is printed; it is 7$/,
  },
  {
    name: "a print that never comes",
    extract: documentOf("never.md", ["ts", `const quiet = true as boolean;`, `if (!quiet) console.log(7); // 7`]),
    problem: /^never\.md:3: "7" was expected and nothing was printed$/,
  },
  {
    name: "a print that comes late",
    extract: documentOf("late.md", ["ts", `setTimeout(() => console.log("later"), 20); // later`]),
  },
  {
    name: "a print that somebody else makes",
    extract: documentOf("other.md", ["ts", `import { timer } from "rxjs";`, `timer(5).subscribe(console.log);`]),
    problem: /^other\.md:2: "0" was printed by no console\.log of the block$/,
  },
  {
    name: "an error of the types",
    extract: documentOf("types.md", ["ts", `export const n: number = "seven";`]),
    problem: /^types\.md:2: TS2322: Type 'string' is not assignable to type 'number'/,
  },
  {
    name: "an error of the types in a block that does not run",
    extract: documentOf("no-run.md", ["ts no-run", `export const n: number = "seven";`, `throw new Error("not run");`]),
    problem: /^no-run\.md:2: TS2322/,
  },
  {
    name: "an exception",
    extract: documentOf("throws.md", ["ts", `const n = 7;`, `if (n > 6) throw new Error("too many");`]),
    problem: /^throws\.md:3: Error: too many/,
  },
  {
    name: "an exception in a callback",
    extract: documentOf("callback.md", ["ts", `setTimeout(() => {`, `  throw new Error("too late");`, `}, 5);`]),
    problem: /^callback\.md:3: Error: too late/,
  },
  {
    name: "a rejection that nobody handles",
    extract: documentOf("rejects.md", ["ts", `void Promise.reject(new Error("unseen"));`]),
    problem: /^rejects\.md:2: Error: unseen/,
  },
  {
    name: "a promise that nobody settles",
    extract: documentOf("waits.md", ["ts", `await new Promise(() => {});`]),
    problem: /^waits\.md:2: it waits for something that never comes$/,
  },
  {
    name: "a timer that keeps the process alive",
    extract: documentOf("alive.md", ["ts", `setInterval(() => {}, 10);`]),
    problem: /^alive\.md:2: it still runs after 5000 ms \(.*Timeout.*\)$/,
  },
  {
    name: "a loop without end",
    extract: documentOf("loop.md", ["ts", `for (;;);`]),
    problem: /^loop\.md:2: its process ended with SIGKILL/,
  },
  {
    name: "a block that ends the process",
    extract: documentOf("exit.md", ["ts", `process.exit(3);`]),
    problem: /^exit\.md:2: its process ended with 3/,
  },
  {
    name: "a block that goes on, with a module beside it",
    extract: documentOf(
      "continued.md",
      ["js file=seven.js", `export const seven = 7;`],
      ["ts", `const path = "./seven.js";`, `const { seven } = await import(path);`],
      ["ts continued", `console.log(seven + 1); // 8`],
    ),
  },
  {
    name: "a mistake in a block that goes on",
    extract: documentOf("further.md", ["ts", `const n = 7;`], ["ts continued", `console.log(n + 1); // 9`]),
    problem: /^further\.md:5: "9" was expected: printed was 8$/,
  },
  {
    name: "a block in a language that nobody checks",
    extract: documentOf("language.md", ["typescript", `throw new Error("never seen");`]),
    problem: /^language\.md:1: nobody checks a block of "typescript"$/,
  },
  {
    name: "a word that nobody knows",
    extract: documentOf("word.md", ["ts norun", `throw new Error("never seen");`]),
    problem: /^word\.md:1: nobody checks a block of "ts norun"$/,
  },
  {
    name: "a wrong comment in a docstring",
    extract: extractDocstrings(
      "source.ts",
      "/**\n * @example\n * ```ts\n * console.log(1); // 2\n * ```\n */\nexport const one = 1;\n",
    ),
    problem: /^source\.ts:4: "2" was expected: printed was 1$/,
  },
  {
    name: "an example without code",
    extract: extractDocstrings("bare.ts", "\n/**\n * @example one()\n */\nexport const one = 1;\n"),
    problem: /^bare\.ts:2: the @example has no block of code$/,
  },
];

let problems: ReadonlyMap<string, readonly string[]> = new Map();

test.before("checks what is planted", async (t) => {
  t.timeout(120_000);
  problems = await checkSamples(
    planted.map(({ extract }) => extract),
    { deadline: 5000 }, // Sound blocks need a tenth of it, and more while others use the machine.
  );
});

for (const { name, extract, problem } of planted) {
  test(`the runner ${problem === undefined ? "accepts" : "finds"} ${name}`, (t) => {
    const found = problems.get(extract.path) ?? [];

    t.is(found.length, problem === undefined ? 0 : 1, found.join("\n"));
    if (problem !== undefined) t.regex(found[0]!, problem);
  });
}

test("expectationsOf() takes the comment behind the end of a call", (t) => {
  const code = [`console.log(`, `  1, // one`, `  2,`, `); // 1 2`].join("\n");

  t.deepEqual(
    expectationsOf(code).map(({ line, text }) => [line, text]),
    [[4, "1 2"]],
  );
});

test("expectationsOf() takes no text for a comment and no comment for text", (t) => {
  const code = [
    'console.log("a // b"); // a // b',
    "console.log(`// ${1} // c`);",
    "console.log(/\\/\\//); // prints",
  ].join("\n");

  t.deepEqual(
    expectationsOf(code).map(({ text }) => text),
    ["a // b", undefined, "prints"],
  );
});

test("expectationsOf() leaves prose alone", (t) => {
  t.deepEqual(expectationsOf(`const log = 1; // console.log(1)\n// console.log(2); // 2`), []);
});

test("isAsExpected() knows one way of printing from another, and values apart", (t) => {
  t.true(isAsExpected(["Uint8Array(2) [ 1, 2 ]"], "Uint8Array [1, 2]"));
  t.true(isAsExpected(["[ 'a' ]", "{ b: 'c' }"], `["a"], { b: "c" }`));
  t.true(isAsExpected(["{\n  a: 1,\n  b: 2\n}"], "{ a: 1, b: 2 }"));
  t.false(isAsExpected(["12"], "1 2"));
  t.false(isAsExpected(["1", "2"], "1"));
  t.false(isAsExpected(["Uint8Array(2) [ 1, 2 ]"], "[1, 2]"));
});
