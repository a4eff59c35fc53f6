import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** The page with what a browser has to know of it. */
export interface LivePage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the page is: beside the command as it is built, which the sources find from where they are. */
const places = ["../page.html", "../../dist/cli/page.html"];

const missing =
  "The service is running, and its live page is not built: npm run build. See /status, /metrics and /health.\n";

/** Reads the live page. A browser runs its one script, by its hash, and lets it talk to where it came from and to nobody else. */
export async function livePage(): Promise<LivePage> {
  const body = await firstThatIsThere();
  if (body === undefined) return { status: 200, type: "text/plain; charset=utf-8", body: missing, headers: {} };
  const script = /<script type="module">([^]*?)<\/script>/.exec(body)?.[1] ?? "";
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    "style-src 'unsafe-inline'",
    "img-src blob: data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { status: 200, type: "text/html; charset=utf-8", body, headers: { "content-security-policy": policy } };
}

async function firstThatIsThere(): Promise<string | undefined> {
  for (const place of places) {
    const text = await readFile(new URL(place, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}
