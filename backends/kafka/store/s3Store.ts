import { createHash } from "node:crypto";
import type { AwsClient } from "aws4fetch";
import { SluiceError } from "../../../src/model/errors.ts";
import { textOf } from "../layouts/layout.ts";
import { pause } from "../pause.ts";
import type { DataStore } from "./dataStore.ts";

/** Who asks an S3-compatible service. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that last for a while. @default none */
  readonly sessionToken?: string | undefined;
}

/** Where the objects are. */
export interface S3StoreOptions {
  readonly bucket: string;
  /** What stands in front of every key, with a slash behind it. @default nothing */
  readonly prefix?: string | undefined;
  /** The service. The bucket is the first part of the path. @default AWS_ENDPOINT_URL, or else that of AWS in the region */
  readonly endpoint?: string | undefined;
  /** @default AWS_REGION, or else "us-east-1" */
  readonly region?: string | undefined;
  /**
   * Who asks; a function is asked anew for every request. @default AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
   * AWS_SESSION_TOKEN of the environment
   */
  readonly credentials?: S3Credentials | (() => S3Credentials | Promise<S3Credentials>) | undefined;
  /** How often a request is tried again that the service could not answer. @default 5 */
  readonly retries?: number | undefined;
}

/**
 * A data store in a bucket of S3 or a service that speaks like it (MinIO, Ceph, R2). Requests are signed (AWS Signature Version 4)
 * by `aws4fetch`, an optional peer dependency, together with the checksum of what they carry; pieces are read by HTTP ranges.
 * The service removes what is old by a lifecycle rule of the bucket: nothing else does, but for what a transaction has left behind.
 *
 * @param options - The bucket, and how to reach it.
 * @returns The store, for the option `store` of `connect("kafka://…")`. Rejects with `ERR_MISSING_DEPENDENCY` when `aws4fetch` is
 * not installed, and with `ERR_UNAUTHORIZED` when there are no credentials.
 *
 * @example
 * ```ts no-run
 * import { connect } from "sluice";
 * import { s3Store } from "sluice/backends/kafka";
 *
 * const store = await s3Store({ bucket: "events", endpoint: "https://minio.example.org:9000" });
 * const driver = await connect("kafka://localhost:9092/", { store, storeBytes: 8 << 20 });
 * await driver.close();
 * ```
 */
export async function s3Store(options: S3StoreOptions): Promise<DataStore> {
  const { AwsClient: Client } = await load();
  const { env } = process;
  const { bucket, prefix = "", region = env["AWS_REGION"] ?? "us-east-1", retries = 5 } = options;
  const endpoint = options.endpoint ?? env["AWS_ENDPOINT_URL"] ?? `https://s3.${region}.amazonaws.com`;
  const { credentials = fromEnvironment() } = options;
  const urlOf = (key: string) => `${endpoint.replace(/\/+$/, "")}/${bucket}/${prefix === "" ? "" : `${prefix}/`}${key}`;
  const sign = async (key: string, init: RequestInit): Promise<Request> => {
    const { sessionToken, ...keys } = typeof credentials === "function" ? await credentials() : credentials;
    const client = new Client({
      ...keys,
      ...(sessionToken !== undefined && { sessionToken }),
      service: "s3",
      region,
    });
    return client.sign(urlOf(key), init);
  };
  /** Asks until there is an answer with all of its body. */
  const ask = async (key: string, init: RequestInit): Promise<Answer> => {
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= retries;
      try {
        const { status, statusText, ...answer } = await answerOf(await fetch(await sign(key, init)));
        if (isLast || (status < 500 && status !== 429)) return { status, statusText, ...answer };
      } catch (error) {
        init.signal?.throwIfAborted();
        if (!(error instanceof TypeError)) throw error; // What `fetch` says of the network is a TypeError.
        if (isLast)
          throw new SluiceError("ERR_UNREACHABLE", `The data store at ${endpoint} cannot be reached`, { cause: error });
      }
      await pause(50 * 2 ** attempt * (0.75 + Math.random() / 2), init.signal ?? undefined);
    }
  };
  return {
    async put(key, segments, signal) {
      const digest = createHash("sha256");
      for (const segment of segments) digest.update(segment);
      // Several segments are copied into one body: `fetch` sends no list of them with a length.
      const body = segments.length === 1 ? segments[0]! : Buffer.concat(segments);
      const headers = { "x-amz-content-sha256": digest.digest("hex"), "content-type": "application/octet-stream" };
      const init = { method: "PUT", headers, body: body as Uint8Array<ArrayBuffer>, ...(signal && { signal }) };
      const answer = await ask(key, init);
      if (!isOk(answer)) throw refused("store", key, answer);
    },

    async remove(key) {
      const answer = await ask(key, { method: "DELETE" });
      if (!isOk(answer) && answer.status !== 404) throw refused("remove", key, answer);
    },

    async read(key, offset, size, signal) {
      const headers = { range: `bytes=${offset}-${offset + size - 1}` };
      const answer = await ask(key, { headers, signal });
      if (answer.status === 404 || answer.status === 416) return undefined;
      if (!isOk(answer)) throw refused("read", key, answer);
      const { bytes } = answer;
      if (answer.status === 206) return bytes.length === size ? bytes : undefined;
      return bytes.length >= offset + size ? bytes.subarray(offset, offset + size) : undefined; // A service without ranges.
    },
  };
}

function fromEnvironment(): S3Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = process.env;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const problem = "A store in S3 needs credentials: give them, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    throw new SluiceError("ERR_UNAUTHORIZED", problem);
  }
  return { accessKeyId, secretAccessKey, sessionToken: AWS_SESSION_TOKEN };
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly bytes: Uint8Array;
}

/** The body belongs to the attempt: a connection may be cut in the middle of it. */
async function answerOf(response: Response): Promise<Answer> {
  const { status, statusText } = response;
  return { status, statusText, bytes: new Uint8Array(await response.arrayBuffer()) };
}

function isOk({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** What a service says when it refuses. Its text may name the bucket and the key, and no secret. */
function refused(what: string, key: string, answer: Answer): SluiceError {
  const said = textOf(answer.bytes.subarray(0, 4096)).match(/<Code>([^<]{1,100})<\/Code>/)?.[1] ?? answer.statusText;
  const code = answer.status === 401 || answer.status === 403 ? "ERR_FORBIDDEN" : "ERR_STORAGE";
  return new SluiceError(code, `The data store did not ${what} "${key}": ${answer.status} ${said}`, {
    details: { key, status: answer.status },
  });
}

async function load(): Promise<{ readonly AwsClient: typeof AwsClient }> {
  try {
    return await import("aws4fetch");
  } catch (cause) {
    const problem = 'A store in S3 needs the package "aws4fetch": npm install aws4fetch';
    throw new SluiceError("ERR_MISSING_DEPENDENCY", problem, { cause, details: { package: "aws4fetch" } });
  }
}
