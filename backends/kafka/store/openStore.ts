import { fileURLToPath } from "node:url";
import { describeValue } from "../../../src/model/describeValue.ts";
import type { DataStore } from "./dataStore.ts";
import { directoryStore } from "./directoryStore.ts";
import { s3Store } from "./s3Store.ts";

/**
 * The store that an option names: `s3://bucket/prefix?endpoint=…&region=…`, a `file:` URL or the path of a directory.
 *
 * @throws TypeError when it names none.
 */
export async function openStore(given: string | DataStore): Promise<DataStore> {
  if (typeof given !== "string") return given;
  if (given === "")
    throw new TypeError(`'store' must name a directory or a bucket: current value is ${describeValue(given)}`);
  if (given.startsWith("file:")) return directoryStore(fileURLToPath(given));
  if (!given.startsWith("s3:")) return directoryStore(given);
  const { hostname: bucket, pathname, searchParams, username, password } = new URL(given);
  if (username !== "" || password !== "") {
    throw new TypeError(
      "A URL of a store must not hold credentials: use AWS_ACCESS_KEY_ID or s3Store({ credentials })",
    );
  }
  if (bucket === "") throw new TypeError(`'store' must name a bucket: current value is ${describeValue(given)}`);
  const prefix = pathname.replaceAll(/^\/+|\/+$/g, "");
  const { endpoint, region } = Object.fromEntries(searchParams) as { endpoint?: string; region?: string };
  return s3Store({ bucket, prefix, endpoint, region });
}
