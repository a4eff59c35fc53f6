import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { rights, type Service } from "sluice/backends/service/server";
import type { RankCounts } from "./counts.ts";
import { livePage } from "./livePage.ts";
import { prometheus } from "./prometheus.ts";
import type { ServiceStatus } from "./serviceStatus.ts";
import { statusFor } from "./statusFor.ts";

/** What the HTTP side of a service answers with. */
export interface HttpHandlerOptions {
  /** Takes stock of the service. */
  readonly status: () => Promise<ServiceStatus>;
  /** What each rank of the service has counted. */
  readonly counts: () => Promise<readonly RankCounts[]>;
  /** Whether the live page is served. */
  readonly page: boolean;
  /** Who may ask for more than whether the service is well, and what each of them sees; nothing until the service runs. */
  readonly access: () => Service["access"] | undefined;
}

/** An answer. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Nothing of it is kept, guessed at, framed, or sent on. */
const commonHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/**
 * Makes what answers plain HTTP at the WebSocket listeners of a service: `/` is the live page, `/metrics` is for Prometheus,
 * `/status` is JSON, of the topics that the user of the token has a right to; `/health` says whether the backends answer.
 *
 * @param options - What it answers with.
 */
export function httpHandler(options: HttpHandlerOptions): RequestListener {
  return (request, response) => {
    answerTo(request, options).then(
      (answer) => send(response, answer, request.method === "HEAD"),
      () => send(response, plain(500, "The service could not take stock of itself"), false),
    );
  };
}

async function answerTo(request: IncomingMessage, options: HttpHandlerOptions): Promise<Answer> {
  const { status, page, counts } = options;
  const access = options.access();
  const path = (request.url ?? "/").replace(/[?#].*$/, "");
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "Only GET", { allow: "GET, HEAD" });
  if (access === undefined) return plain(503, "The service is being started", { "retry-after": "1" });
  if (!access.wantsTokens && !isLocalName(request.headers.host)) return plain(403, "This name is not served");
  if (path === "/" && page) return livePage();
  if (path === "/health") return health(status);
  if (path !== "/metrics" && path !== "/status") return plain(404, "Not found");
  const user = userOf(request, access);
  if (user === undefined) return plain(401, "A token is needed", { "www-authenticate": "Bearer" });
  return path === "/metrics"
    ? metricsFor(user, access, async () => prometheus(await status(), await counts()))
    : statusAnswer(user, access, status);
}

type Status = HttpHandlerOptions["status"];

/** Rules may be about topics that are not there yet, so who sees metrics must have the right to any name. */
async function metricsFor(user: string, access: Service["access"], metrics: () => Promise<string>): Promise<Answer> {
  if (!access.mayAll(user, "admin")) return plain(403, "Only who may administer every topic sees the metrics");
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await metrics() };
}

async function statusAnswer(user: string, access: Service["access"], status: Status): Promise<Answer> {
  const mayLookAt = (topic: string) => rights.some((right) => access.may(user, right, topic));
  const now = await status();
  const seen = access.mayAll(user, "admin") ? now : statusFor(now, mayLookAt);
  return { status: 200, type: "application/json", body: JSON.stringify(seen) };
}

async function health(status: Status): Promise<Answer> {
  const isWell = await status().then(
    () => true,
    () => false,
  );
  const body = JSON.stringify({ status: isWell ? "ok" : "failing" });
  return { status: isWell ? 200 : 503, type: "application/json", body };
}

/**
 * Without tokens the service is for this machine. A page of somewhere else could give its own name the address of this
 * machine, and would then be of the same origin: the name tells it apart.
 */
function isLocalName(host = ""): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || isIP(name) !== 0;
}

/** Who asks: the user of the token in the header. Undefined when there is none that is known. */
function userOf({ headers }: IncomingMessage, access: Service["access"]): string | undefined {
  try {
    return access.userOf(/^Bearer ([\x21-\x7e]{16,4096})$/.exec(headers.authorization ?? "")?.[1]);
  } catch {
    return undefined;
  }
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n`, headers };
}

function send(response: ServerResponse, { status, type, body, headers }: Answer, isHead: boolean): void {
  response.writeHead(status, {
    ...commonHeaders,
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(isHead ? undefined : body);
}
