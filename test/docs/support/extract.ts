/** A program that documentation shows, laid out so that its line numbers are those of the file it stands in. */
export interface Sample {
  /** The document, relative to the root. */
  readonly path: string;
  /** The line on which it begins. */
  readonly line: number;
  /** Its code, behind as many empty lines as it takes. */
  readonly code: string;
  /** Whether it is run, or only type-checked. */
  readonly runs: boolean;
}

/** A module that a document shows under a name, so that its samples can load it. */
export interface Attachment {
  readonly path: string;
  readonly name: string;
  readonly code: string;
}

/** What was found in one document. */
export interface Extract {
  readonly path: string;
  readonly samples: readonly Sample[];
  readonly attachments: readonly Attachment[];
  /** Blocks that are written in a way that would let them go unchecked. */
  readonly problems: readonly string[];
}

interface Block {
  /** What stands behind the backquotes, word by word. */
  readonly info: readonly string[];
  /** The line of its first line of code. */
  readonly line: number;
  readonly lines: readonly string[];
}

/**
 * Finds the samples of a Markdown document.
 *
 * - ```` ```ts ```` is a program of its own: type-checked and run.
 * - ```` ```ts continued ```` goes on where the block before it ended: both are one program.
 * - ```` ```ts no-run ```` is type-checked only.
 * - ```` ```js file=name.js ```` is a module that the document's programs can load as `./name.js`.
 *
 * Any other block of TypeScript or JavaScript is a problem, since nobody would check it.
 */
export function extractMarkdown(path: string, text: string): Extract {
  return extract(path, blocksOf(text.split("\n")));
}

/** Finds the samples in the doc comments of a source file. They are written as those of a Markdown document. */
export function extractDocstrings(path: string, text: string): Extract {
  const found = [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map((match) => {
    const first = text.slice(0, match.index).split("\n").length - 1;
    const lines = match[0].split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
    return { first, blocks: blocksOf([...Array.from({ length: first }, () => ""), ...lines]), lines };
  });
  const problems = found.flatMap(({ first, lines, blocks }) => {
    const isExample = lines.some((line) => line.startsWith("@example"));
    return isExample && blocks.length === 0 ? [`${path}:${first + 1}: the @example has no block of code`] : [];
  });
  const inner = extract(
    path,
    found.flatMap(({ blocks }) => blocks),
  );
  return { ...inner, problems: [...problems, ...inner.problems] };
}

function extract(path: string, blocks: readonly Block[]): Extract {
  const samples: Sample[] = [];
  const attachments: Attachment[] = [];
  const problems: string[] = [];
  for (const { info, line, lines } of blocks) {
    const [language = "", ...words] = info;
    const kind = words.join(" ");
    const name = /^file=([\w-]+\.js)$/.exec(kind)?.[1];
    const last = samples.at(-1);
    if (!/^(ts|js|tsx|jsx|mts|mjs|cts|cjs|typescript|javascript)$/.test(language)) continue;
    if (language === "js" && name !== undefined) attachments.push({ path, name, code: lines.join("\n") });
    else if (language === "ts" && kind === "continued" && last !== undefined) {
      samples[samples.length - 1] = { ...last, code: layOut(last.code, line, lines) };
    } else if (language === "ts" && (kind === "" || kind === "no-run")) {
      samples.push({ path, line, code: layOut("", line, lines), runs: kind === "" });
    } else problems.push(`${path}:${line - 1}: nobody checks a block of "${info.join(" ")}"`);
  }
  return { path, samples, attachments, problems };
}

/** Puts lines behind earlier code, at the line where they stand in the document. */
function layOut(code: string, line: number, lines: readonly string[]): string {
  const before = code === "" ? [] : code.split("\n");
  const padding = Array.from({ length: line - 1 - before.length }, () => "");
  return [...before, ...padding, ...lines].join("\n");
}

function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let open:
    | { readonly fence: string; readonly indent: number; readonly info: string; readonly line: number; lines: string[] }
    | undefined;
  lines.forEach((text, index) => {
    if (open === undefined) {
      const [, indent, fence, info] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(text) ?? [];
      if (fence !== undefined) open = { fence, indent: indent!.length, info: info!.trim(), line: index + 2, lines: [] };
    } else if (text.trim() === open.fence) {
      blocks.push({ info: open.info.split(/\s+/), line: open.line, lines: open.lines });
      open = undefined;
    } else open.lines.push(text.slice(Math.min(open.indent, text.length - text.trimStart().length)));
  });
  return blocks;
}
