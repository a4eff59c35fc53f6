import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the look-alike of S3 was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly bytes: number;
}

/** A service that speaks as much of S3 as a data store needs, and believes no request that is not signed. */
export interface S3LookAlike {
  readonly endpoint: string;
  readonly asked: Asked[];
  readonly objects: Map<string, Buffer>;
  /** How many requests it answers with "503 Slow Down" before it works. */
  failures: number;
  /** How many answers it cuts in the middle of their bodies. */
  cuts: number;
  close(): void;
}

const credentials = { accessKeyId: "alice", secretAccessKey: "geheim" };
const region = "eu-test-1";

/** What a client needs to come in. */
export const s3User = { credentials, region };

/** Starts the service on loopback. */
export async function startS3LookAlike(): Promise<S3LookAlike> {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const body = Buffer.concat(await request.toArray());
      const [method, path] = [request.method!, decodeURIComponent(request.url!)];
      service.asked.push({ method, path, range: request.headers.range, bytes: body.length });
      const answer = (status: number, content: Buffer | string = "", headers: Record<string, string> = {}) =>
        response.writeHead(status, { ...headers, "content-length": String(content.length) }).end(content);
      if (service.cuts > 0) {
        service.cuts--;
        response.writeHead(200, { "content-length": "100" }).write("half", () => response.destroy());
        return;
      }
      const refuse = (status: number, code: string) => answer(status, `<Error><Code>${code}</Code></Error>`);
      if (service.failures > 0) {
        service.failures--;
        return refuse(503, "SlowDown");
      }
      const wrong = whatIsWrong(request, body);
      if (wrong !== undefined) return refuse(403, wrong);
      if (method === "PUT") {
        service.objects.set(path, body);
        return answer(200);
      }
      if (method === "DELETE") {
        service.objects.delete(path);
        return answer(204);
      }
      const object = service.objects.get(path);
      if (object === undefined) return refuse(404, "NoSuchKey");
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      if (range === null) return answer(200, object);
      const [from, to] = [Number(range[1]), Math.min(Number(range[2]), object.length - 1)];
      if (from >= object.length) return refuse(416, "InvalidRange");
      return answer(206, object.subarray(from, to + 1), { "content-range": `bytes ${from}-${to}/${object.length}` });
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const service: S3LookAlike = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    objects: new Map(),
    failures: 0,
    cuts: 0,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return service;
}

/** The code of what is wrong with a signature (AWS Signature Version 4) or a checksum; undefined when nothing is. */
function whatIsWrong(request: IncomingMessage, body: Buffer): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
  if (match === null) return "AccessDenied";
  const [, who, day, where, names, signature] = match as unknown as [string, string, string, string, string, string];
  if (who !== credentials.accessKeyId) return "InvalidAccessKeyId";
  const stated = String(request.headers["x-amz-content-sha256"]);
  if (stated !== "UNSIGNED-PAYLOAD" && stated !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const url = new URL(request.url!, "http://host");
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, url.pathname, url.search.slice(1), headers.join(""), names, stated].join("\n");
  const scope = `${day}/${where}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = [day, where, "s3", "aws4_request"].reduce(
    (secret: Buffer | string, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  );
  const expected = createHmac("sha256", key).update(text).digest("hex");
  return expected === signature && where === region ? undefined : "SignatureDoesNotMatch";
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
