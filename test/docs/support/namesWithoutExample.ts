import { basename, dirname, join } from "node:path";
import ts from "typescript";
import { root } from "../../house/run.ts";

/** The functions and classes that entry points export without an `@example` in their doc comment. */
export function namesWithoutExample(entryPoints: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root);
  const program = ts.createProgram([...entryPoints], { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  return entryPoints.flatMap((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path)!);
    if (module === undefined) return [`${path} exports nothing`];
    const entry = join(basename(dirname(path)), basename(path));
    return checker
      .getExportsOfModule(module)
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
      .filter((symbol) => needsExample(symbol, checker) && !hasExample(symbol))
      .map((symbol) => `${entry}: ${symbol.name}`);
  });
}

function needsExample(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  if (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class)) return true;
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined || !(symbol.flags & ts.SymbolFlags.Variable)) return false;
  return checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0;
}

function hasExample(symbol: ts.Symbol): boolean {
  return symbol.getJsDocTags().some(({ name }) => name === "example");
}
