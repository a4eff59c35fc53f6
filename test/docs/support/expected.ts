import ts from "typescript";

/** Where a sample prints something, and what it says that it prints. */
export interface PrintSite {
  /** The line of the word `log`. */
  readonly line: number;
  /** The column of the word `log`. */
  readonly column: number;
  /** The line on which the call ends. */
  readonly endLine: number;
}

/** A line with a comment that states what is printed there. */
export interface Expectation {
  readonly line: number;
  /** Undefined when the line does not say. */
  readonly text: string | undefined;
  readonly sites: readonly PrintSite[];
}

/**
 * Finds out what a sample says that it prints.
 *
 * The comment at the end of the line on which a call of `console.log` ends states what that call prints; where the call is
 * made several times, its values are separated by commas. Several calls that end on one line share its comment. Every
 * other comment is prose.
 */
export function expectationsOf(code: string): Expectation[] {
  const file = ts.createSourceFile("sample.ts", code, ts.ScriptTarget.Latest, true);
  const literals: ts.Node[] = [];
  const sites: PrintSite[] = [];
  const visit = (node: ts.Node): void => {
    if (isLiteral(node)) literals.push(node);
    const log = ts.isCallExpression(node) ? logOf(node) : undefined;
    if (log !== undefined) sites.push(siteOf(file, log, node));
    ts.forEachChild(node, visit);
  };
  visit(file);
  const isInLiteral = (position: number) => literals.some((node) => node.getStart() <= position && position < node.end);
  return [...new Set(sites.map(({ endLine }) => endLine))].map((line) => ({
    line,
    text: commentOn(file, line, isInLiteral),
    sites: sites.filter(({ endLine }) => endLine === line),
  }));
}

/** Whether what was printed is what a comment says. */
export function isAsExpected(printed: readonly string[], expected: string): boolean {
  return normalize(printed.join(", ")) === normalize(expected);
}

/**
 * Takes away in what Node's way of printing differs from what one would write: white space beside brackets and commas, line
 * breaks, the kind of quotes, and the length in `Uint8Array(2) [ 1, 2 ]`.
 */
function normalize(text: string): string {
  return text
    .replace(/\b([A-Z]\w*)\(\d+\) (?=[[{])/g, "$1 ")
    .replace(/['`]/g, '"')
    .replace(/\s+/g, " ")
    .replace(/ ?([[\]{}(),:]) ?/g, "$1")
    .trim();
}

function logOf({ expression }: ts.CallExpression): ts.Node | undefined {
  if (!ts.isPropertyAccessExpression(expression)) return undefined;
  const isConsole = ts.isIdentifier(expression.expression) && expression.expression.text === "console";
  return isConsole && expression.name.text === "log" ? expression.name : undefined;
}

function siteOf(file: ts.SourceFile, log: ts.Node, call: ts.Node): PrintSite {
  const { line, character } = file.getLineAndCharacterOfPosition(log.getStart());
  return { line: line + 1, column: character + 1, endLine: file.getLineAndCharacterOfPosition(call.end).line + 1 };
}

function commentOn(file: ts.SourceFile, line: number, isInLiteral: (position: number) => boolean): string | undefined {
  const start = file.getPositionOfLineAndCharacter(line - 1, 0);
  const text = file.text.slice(start).split("\n", 1)[0]!;
  for (const { index } of text.matchAll(/\/\//g)) {
    if (!isInLiteral(start + index)) return text.slice(index + 2).trim();
  }
  return undefined;
}

function isLiteral(node: ts.Node): boolean {
  return ts.isStringLiteral(node) || ts.isRegularExpressionLiteral(node) || ts.isTemplateLiteralToken(node);
}
