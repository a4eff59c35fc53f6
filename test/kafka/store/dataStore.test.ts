import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { directoryStore, s3Store, type DataStore } from "../../../backends/kafka/index.ts";
import { isKey } from "../../../backends/kafka/store/dataStore.ts";
import { openStore } from "../../../backends/kafka/store/openStore.ts";
import { isSluiceError } from "../../../src/index.ts";
import { s3User, startS3LookAlike, type S3LookAlike } from "./s3LookAlike.ts";

const { signal } = new AbortController();
const key = "collisions/2026-11-26/0-one";

async function newDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-store-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function newService(t: ExecutionContext): Promise<S3LookAlike> {
  const service = await startS3LookAlike();
  t.teardown(() => service.close());
  return service;
}

const stores: Readonly<Record<string, (t: ExecutionContext) => Promise<DataStore>>> = {
  "a directory": async (t) => directoryStore(join(await newDirectory(t), "deep", "down")),
  S3: async (t) => s3Store({ bucket: "events", prefix: "lab", endpoint: (await newService(t)).endpoint, ...s3User }),
};

for (const [name, open] of Object.entries(stores)) {
  test(`${name}: what was stored in segments is read in pieces`, async (t) => {
    const store = await open(t);
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
    await store.put(key, [bytes.subarray(0, 1), bytes.subarray(1, 3000), bytes.subarray(3000)]);

    t.deepEqual(await store.read(key, 0, 5000, signal), bytes);
    t.deepEqual(await store.read(key, 2998, 5, signal), bytes.subarray(2998, 3003));
  });

  test(`${name}: more segments than one write takes are stored whole`, async (t) => {
    const store = await open(t);
    const segments = Array.from({ length: 1500 }, (_, i) => Uint8Array.of(i % 256, i >> 8));
    await store.put(key, segments);

    t.deepEqual(await store.read(key, 2 * 1200, 2, signal), segments[1200]);
  });

  test(`${name}: an object is removed, and one that is not there is no error`, async (t) => {
    const store = await open(t);
    await store.put(key, [new Uint8Array(10)]);
    await store.remove!(key);
    await store.remove!(key);

    t.is(await store.read(key, 0, 1, signal), undefined);
  });

  test(`${name}: what is not there, or ends too early, is undefined`, async (t) => {
    const store = await open(t);
    await store.put(key, [new Uint8Array(10)]);

    t.is(await store.read("collisions/2026-11-26/0-two", 0, 1, signal), undefined);
    t.is(await store.read(key, 9, 2, signal), undefined);
    t.is(await store.read(key, 10, 1, signal), undefined);
  });
}

test("a directory: nobody else can read it, and nothing is left of a write that failed", async (t) => {
  const directory = await newDirectory(t);
  const store = directoryStore(directory);
  await store.put(key, [new Uint8Array(10)]);
  const broken = { length: 10 } as Uint8Array;
  await t.throwsAsync(store.put("collisions/2026-11-26/0-two", [broken]));

  t.is((await stat(join(directory, key))).mode & 0o777, 0o600);
  t.is((await stat(join(directory, "collisions"))).mode & 0o777, 0o700);
  t.deepEqual(await readdir(join(directory, "collisions/2026-11-26")), ["0-one"]);
});

test("a directory: the folder of a topic can be removed", async (t) => {
  const directory = await newDirectory(t);
  const store = directoryStore(directory);
  await store.put(key, [new Uint8Array(10)]);
  await store.removeFolder!("collisions/");

  t.is(await store.read(key, 0, 1, signal), undefined);
});

test("S3: a piece is asked for as a range, and the checksum of what is stored is signed", async (t) => {
  const service = await newService(t);
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User });
  await store.put(key, [new Uint8Array(1000)]);
  await store.read(key, 100, 50, signal);

  t.deepEqual(service.asked, [
    { method: "PUT", path: `/events/${key}`, range: undefined, bytes: 1000 },
    { method: "GET", path: `/events/${key}`, range: "bytes=100-149", bytes: 0 },
  ]);
});

test("S3: a request that the service could not answer is sent again", async (t) => {
  const service = await newService(t);
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User });
  service.failures = 2;
  await store.put(key, [new Uint8Array(10)]);

  t.is(service.objects.size, 1);
  t.is(service.asked.length, 3);
});

test("S3: an answer that is cut in its middle is asked for again, and is ERR_UNREACHABLE at last", async (t) => {
  const service = await newService(t);
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User, retries: 2 });
  await store.put(key, [new Uint8Array(10)]);
  service.cuts = 2;
  t.deepEqual(await store.read(key, 0, 10, signal), new Uint8Array(10));
  service.cuts = 2;
  await store.put(key, [new Uint8Array(10)]);
  service.cuts = 3;

  await t.throwsAsync(store.read(key, 0, 10, signal), { code: "ERR_UNREACHABLE" });
});

test("a directory: what the file system refuses is ERR_STORAGE", async (t) => {
  const directory = await newDirectory(t);
  await writeFile(join(directory, "collisions"), "a file where a folder should be");

  await t.throwsAsync(directoryStore(directory).put(key, [new Uint8Array(10)]), { code: "ERR_STORAGE" });
  await t.throwsAsync(directoryStore(directory).read(key, 0, 1, signal), { code: "ERR_STORAGE" });
});

test("S3: a service that is not there is ERR_UNREACHABLE", async (t) => {
  const service = await newService(t);
  service.close();
  const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...s3User, retries: 1 });

  await t.throwsAsync(store.put(key, [new Uint8Array(10)]), { code: "ERR_UNREACHABLE" });
});

for (const [what, user] of Object.entries({
  "a wrong secret": { ...s3User, credentials: { accessKeyId: "alice", secretAccessKey: "wrong" } },
  "an unknown user": { ...s3User, credentials: () => ({ accessKeyId: "bob", secretAccessKey: "geheim" }) },
  "another region": { ...s3User, region: "eu-test-2" },
})) {
  test(`S3: ${what} is ERR_FORBIDDEN, and no secret is told`, async (t) => {
    const service = await newService(t);
    const store = await s3Store({ bucket: "events", endpoint: service.endpoint, ...user });
    const error = await t.throwsAsync(store.put(key, [new Uint8Array(10)]));

    t.true(isSluiceError(error, "ERR_FORBIDDEN"));
    t.false(/geheim|wrong/.test(`${error.message} ${JSON.stringify(error)}`));
    t.is(service.objects.size, 0);
  });
}

test("a key has no part that leads elsewhere", (t) => {
  t.true(isKey(key));
  for (const wrong of ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a b", "a\0b", "a\\b", "x".repeat(1000)]) {
    t.false(isKey(wrong), wrong);
  }
});

test("a store is named by a path or a URL, without credentials in it", async (t) => {
  const directory = await newDirectory(t);
  await (await openStore(`file://${directory}/by-url`)).put(key, [new Uint8Array(1)]);
  await (await openStore(join(directory, "by-path"))).put(key, [new Uint8Array(1)]);

  t.deepEqual(
    (await readdir(directory)).toSorted((a, b) => a.localeCompare(b)),
    ["by-path", "by-url"],
  );
  await t.throwsAsync(openStore("s3://alice:geheim@events/"), { instanceOf: TypeError, message: /^(?!.*geheim)/ });
  await t.throwsAsync(openStore("s3:///prefix"), { instanceOf: TypeError });
  await t.throwsAsync(openStore(""), { instanceOf: TypeError });
});
