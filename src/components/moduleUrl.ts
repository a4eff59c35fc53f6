/** What there is of Node's `process`, which some bundlers imitate in a browser. */
type ProcessLike = { cwd(): string; versions?: { node?: string } };

/**
 * Where a module is: its absolute URL.
 *
 * @param path - A relative or absolute path, or a `file:` URL. It is read as part of a URL, like the path of an `import`.
 * @param baseUrl - What a relative path is relative to: a URL, or the path of a directory.
 * @returns Undefined when the path is of no such form, or leads to another host than the base does.
 * @internal
 */
export function moduleUrl(path: string, baseUrl: string | URL = defaultBase()): string | undefined {
  const base = toUrl(baseUrl);
  if (isDrivePath(path)) return fileUrl(path);
  if (!/^(\.{1,2}\/|\/|file:)/.test(path)) return undefined;
  const url = parseUrl(path, base);
  // "//host/x.js" and "/\host/x.js" look like absolute paths and lead elsewhere.
  const isHere = url !== undefined && (url.protocol === "file:" ? url.host === "" : url.host === base.host);
  return isHere ? url.href : undefined;
}

function defaultBase(): string {
  const { process, document } = globalThis as { process?: ProcessLike; document?: { baseURI: string } };
  if (process?.versions?.node !== undefined) return process.cwd();
  return document?.baseURI ?? import.meta.url;
}

function toUrl(base: string | URL): URL {
  if (base instanceof URL) return base;
  if (base.startsWith("/") || isDrivePath(base)) return new URL(fileUrl(`${base}/`));
  return new URL(base);
}

function fileUrl(path: string): string {
  const slashes = path.replaceAll("\\", "/");
  // These two would begin a query or a fragment.
  const encoded = encodeURI(slashes).replaceAll("?", "%3F").replaceAll("#", "%23");
  return `file://${encoded.startsWith("/") ? "" : "/"}${encoded}`;
}

function isDrivePath(path: string): boolean {
  return /^[A-Za-z]:[\\/]/.test(path);
}

function parseUrl(path: string, base: URL): URL | undefined {
  try {
    return new URL(path, base);
  } catch {
    return undefined;
  }
}
