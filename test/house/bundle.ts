import { createContext, runInContext } from "node:vm";
import { build, type BuildResult } from "esbuild";

/** What a page may use. Nothing of Node's is among it. */
const webGlobals = {
  TextEncoder,
  TextDecoder,
  URL,
  AbortController,
  AbortSignal,
  queueMicrotask,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  structuredClone,
  performance,
  crypto,
};

/** A bundle of a module for web pages. */
export type Bundle = BuildResult<{ write: false; metafile: true }>;

/** Bundles a module for web pages, without what is loaded only by who asks for it. */
export function bundleForBrowser(contents: string, external: readonly string[] = []): Promise<Bundle> {
  return build({
    stdin: { contents, resolveDir: process.cwd(), loader: "js" },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: "browser",
    format: "iife",
    globalName: "page",
    conditions: ["sluice-source", "browser"],
    external: ["ajv", "ajv/*", "cbor-x", ...external],
    logLevel: "silent",
  });
}

/** Everything that the modules of a bundle import. */
export function importsOf({ metafile }: Bundle): string[] {
  return Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path));
}

/**
 * Runs a bundle where there is nothing but the web's own globals, and evaluates a call of its module, `page`.
 *
 * @param more - Further globals. What crosses from here to there has to be of the same kind on both sides.
 */
export function runInPage({ outputFiles }: Bundle, call: string, more: object = {}): Promise<unknown> {
  const context = createContext({ ...webGlobals, ...more });
  return runInContext(`${outputFiles[0]!.text}; ${call}`, context) as Promise<unknown>;
}
