import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { WebSocket } from "ws";
import { logBackend } from "../../backends/log/index.ts";
import { memoryBackend } from "../../backends/memory/index.ts";
import { encodeAppend } from "../../backends/service/protocol/appendCodec.ts";
import { encodeJson } from "../../backends/service/protocol/boundedJson.ts";
import { decodeError } from "../../backends/service/protocol/errorCodec.ts";
import { encodeFetch } from "../../backends/service/protocol/fetchCodec.ts";
import { messageTypes } from "../../backends/service/protocol/frame.ts";
import { encodeHello } from "../../backends/service/protocol/handshake.ts";
import { hashToken, makeToken, serve, type ServiceLogger } from "../../backends/service/server/index.ts";
import { concatMap, finalize, firstValueFrom, from, lastValueFrom } from "rxjs";
import { connect, type SluiceError } from "../../src/index.ts";
import { certificate } from "./certificate.ts";
import { framesOf } from "./frames.ts";
import { batch, isServed, rudeClient, session } from "./rudeClient.ts";
import { connected, portOf, served, until } from "./served.ts";

test("a service refuses to listen beyond its machine without a certificate and tokens", async (t) => {
  const backend = memoryBackend();
  const tls = await certificate(t);
  const tokens = [{ user: "ann", hash: hashToken(makeToken()) }];
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.org", "127.0.0.1.example.org"]) {
    for (const listener of [{ tcp: { host, port: 0 } }, { websocket: { host, port: 0 } }]) {
      const listeners = [listener];
      await t.throwsAsync(serve({ backend, listeners }), { instanceOf: TypeError });
      await t.throwsAsync(serve({ backend, listeners, tls }), { instanceOf: TypeError });
      await t.throwsAsync(serve({ backend, listeners, tokens, access: [] }), { instanceOf: TypeError });
    }
  }
  const service = await serve({ backend, listeners: [{ tcp: { host: "0.0.0.0", port: 0 } }], tls, tokens, access: [] });
  t.true(service.addresses[0]!.startsWith("sluices://0.0.0.0:"));
  await service.close();
});

test("over TLS a client checks the certificate, and the service the token", async (t) => {
  const tls = await certificate(t);
  const token = makeToken();
  const options = {
    tls,
    tokens: [{ user: "ann", hash: hashToken(token) }],
    access: [{ users: ["ann"], topics: ["*"], allow: ["admin"] as const }],
  };
  const service = await served(t, { ...options, listeners: [{ tcp: { port: 0 } }, { websocket: { port: 0 } }] });
  for (const address of service.addresses) {
    await t.throwsAsync(connect(address, { token }), { code: "ERR_UNREACHABLE" }, "an authority that nobody knows");
    const driver = await connected(t, address, { token, tls: { ca: tls.cert } });
    t.deepEqual(await driver.listTopics(), []);
    await t.throwsAsync(connect(address, { tls: { ca: tls.cert } }), { code: "ERR_UNAUTHORIZED" });
    await t.throwsAsync(connect(address, { token: makeToken(), tls: { ca: tls.cert } }), { code: "ERR_UNAUTHORIZED" });
  }
});

test("a token may come in the Authorization header of a WebSocket", async (t) => {
  const token = makeToken();
  const service = await served(t, {
    listeners: [{ websocket: { port: 0 } }],
    tokens: [{ user: "ann", hash: hashToken(token) }],
    access: [],
  });
  for (const [authorization, type] of [
    [`Bearer ${token}`, messageTypes.welcome],
    ["Bearer nonsense-nonsense", messageTypes.error],
  ] as const) {
    const socket = new WebSocket(service.addresses[0]!, { headers: { authorization } });
    socket.on("open", () =>
      socket.send(framesOf(messageTypes.hello, 0, encodeHello({ session, again: false, joins: [] }))),
    );
    const first = await new Promise<Buffer>((resolve) => socket.once("message", (data) => resolve(data as Buffer)));
    t.is(first[12], type);
    socket.terminate();
  }
});

test("tokens are never taken from a URL", async (t) => {
  for (const url of [
    "sluice://ann:secret@localhost",
    "ws://secret@localhost/",
    "ws://localhost/?token=secret",
    "wss://localhost/#key=secret",
  ]) {
    const error = await t.throwsAsync(connect(url), { instanceOf: TypeError });
    t.false(error.message.includes("secret"));
  }
});

test("a URL that names nobody is a TypeError with the URL", async (t) => {
  for (const url of ["sluice://", "sluice:", "unix:", "sluices:host", "sluice://localhost:99999", "ws://localhost:x"]) {
    const error = await t.throwsAsync(connect(url), { instanceOf: TypeError });
    t.true(error.message.endsWith(`current value is "${url}"`), error.message);
  }
});

test("a client that does not say in time who it is is shown out", async (t) => {
  const service = await served(t, { limits: { handshake: 1000 } });
  const mute = await rudeClient(t, service.addresses[0]!);
  await mute.closed();
  t.is(mute.code, "ERR_REFUSED");
  const slow = await rudeClient(t, service.addresses[0]!);
  const bytes = framesOf(messageTypes.hello, 0, encodeHello({ session, again: false, joins: [] }));
  let at = 0;
  const dripping = setInterval(() => slow.socket.write(bytes.subarray(at, ++at)), 15);
  await slow.closed();
  clearInterval(dripping);
  t.true(at < bytes.length);
  t.true(await isServed(t, service.addresses[0]!));
});

test("headers of a WebSocket that drip in are given up", async (t) => {
  const service = await served(t, { listeners: [{ websocket: { port: 0 } }], limits: { handshake: 1000 } });
  const slow = dial(portOf(service.addresses[0]!), "127.0.0.1");
  let isClosed = false;
  slow
    .on("error", () => {})
    .on("close", () => (isClosed = true))
    .resume();
  slow.write("GET / HTTP/1.1\r\nHost: x\r\n");
  await until(() => isClosed);
  t.true(await isServed(t, service.addresses[0]!));
});

test("revoking a user closes its sessions at once, and nobody else's", async (t) => {
  const [ann, bob] = [makeToken(), makeToken()];
  const rules = [{ users: ["*"], topics: ["*"], allow: ["publish", "subscribe", "admin"] as const }];
  const tokens = [
    { user: "ann", hash: hashToken(ann) },
    { user: "bob", hash: hashToken(bob) },
  ];
  const service = await served(t, { tokens, access: rules });
  const [hers, his] = [
    await connected(t, service.addresses[0]!, { token: ann }),
    await connected(t, service.addresses[0]!, { token: bob }),
  ];
  const topic = await hers.createTopic<number>("a");
  const read = t.throwsAsync(Promise.resolve(topic.consumer("app").pull()), { code: "ERR_UNAUTHORIZED" });
  await his.openTopic("a");
  service.revoke("ann");

  await read;
  await t.throwsAsync(hers.listTopics(), { code: "ERR_UNAUTHORIZED" });
  t.deepEqual(await his.listTopics(), ["a"]);
});

test("each user may do what the rules say, and no more", async (t) => {
  const [ann, bob] = [makeToken(), makeToken()];
  const service = await served(t, {
    tokens: [
      { user: "ann", hash: hashToken(ann) },
      { user: "bob", hash: hashToken(bob) },
    ],
    access: [
      { users: ["ann"], topics: ["runs.*"], allow: ["publish", "admin"] },
      { users: ["bob"], topics: ["runs.1"], allow: ["subscribe"] },
    ],
  });
  const hers = await connected(t, service.addresses[0]!, { token: ann });
  const his = await connected(t, service.addresses[0]!, { token: bob });
  const topic = await hers.createTopic<number>("runs.1");
  await hers.createTopic<number>("runs.2");
  t.is(await topic.producer().push(1), 0);
  const read = await his.openTopic<number>("runs.1");
  t.is((await read.consumer("app").pull()).metadata, 1);

  const forbidden = { code: "ERR_FORBIDDEN" };
  t.deepEqual(await his.listTopics(), ["runs.1"]);
  await t.throwsAsync(hers.createTopic("other"), forbidden);
  await t.throwsAsync(Promise.resolve(topic.consumer("app").pull()), forbidden);
  await t.throwsAsync(his.openTopic("runs.2"), forbidden);
  await t.throwsAsync(his.openTopic("there-is-none"), forbidden, "whether it is there is not said");
  await t.throwsAsync(his.deleteTopic("runs.1"), forbidden);
  await t.throwsAsync(read.seal(), forbidden);
  await t.throwsAsync(read.addPartition(), forbidden);
  await t.throwsAsync(Promise.resolve(read.producer().push(2)), forbidden);
});

test("a session is its user's own", async (t) => {
  const [ann, bob] = [makeToken(), makeToken()];
  const tokens = [
    { user: "ann", hash: hashToken(ann) },
    { user: "bob", hash: hashToken(bob) },
  ];
  const service = await served(t, { tokens, access: [] });
  const greet = async (token: string) => {
    const client = await rudeClient(t, service.addresses[0]!);
    client.send(messageTypes.hello, 0, ...encodeHello({ session, again: true, joins: [], token }));
    await until(() => client.messages.length > 0);
    return client;
  };
  t.is((await greet(ann)).messages[0]!.type, messageTypes.welcome);
  t.is((await greet(bob)).code, "ERR_UNAUTHORIZED");
});

test("only pages of listed origins connect", async (t) => {
  const open = (address: string, origin?: string) =>
    new Promise<boolean>((resolve) => {
      const socket = new WebSocket(address, origin === undefined ? {} : { origin });
      socket.on("open", () => (socket.terminate(), resolve(true))).on("error", () => resolve(false));
    });
  const listed = (await served(t, { listeners: [{ websocket: { port: 0 } }], origins: ["https://example.org"] }))
    .addresses[0]!;
  t.true(await open(listed, "https://example.org"));
  t.true(await open(listed), "a program, which is no page");
  for (const origin of [
    "http://example.org",
    "https://example.org.evil.com",
    "https://example.org:444",
    "https://EXAMPLE.org",
    "null",
    "*",
  ]) {
    t.false(await open(listed, origin), origin);
  }
  const own = (await served(t, { listeners: [{ websocket: { port: 0 } }] })).addresses[0]!;
  t.true(await open(own, own.replace("ws:", "http:")));
  t.true(await open(own, `http://localhost:${portOf(own)}`));
  t.false(await open(own, "http://evil.com"));
  t.false(await open(own, `http://evil.com:${portOf(own)}`), "a name that was bent to this address");
});

test("a refused origin is ERR_REFUSED for a client", async (t) => {
  const service = await served(t, { listeners: [{ websocket: { port: 0, path: "/sluice" } }] });
  await t.throwsAsync(connect(service.addresses[0]!.replace("/sluice", "/other")), { code: "ERR_REFUSED" });
});

test("a client that speaks another version is ERR_REFUSED", async (t) => {
  const service = await served(t);
  const client = await rudeClient(t, service.addresses[0]!);
  client.send(messageTypes.hello, 0, encodeJson({ sluice: "hello", versions: [99], session }));
  await client.closed();
  t.is(client.code, "ERR_REFUSED");
});

test("connections are limited for each user, for each address and in all", async (t) => {
  const token = makeToken();
  const tokens = [{ user: "ann", hash: hashToken(token) }];
  for (const limit of ["connections", "connectionsPerUser", "connectionsPerAddress"]) {
    const service = await served(t, { tokens, access: [], limits: { [limit]: 2 } });
    const two = [
      await connected(t, service.addresses[0]!, { token }),
      await connected(t, service.addresses[0]!, { token }),
    ];
    const error = await t.throwsAsync(connect(service.addresses[0]!, { token }));
    t.true(["ERR_LIMIT", "ERR_UNREACHABLE"].includes((error as SluiceError).code), limit);
    await two[0]!.close();
    await until(() => service.statistics.connections === 1);
    await connected(t, service.addresses[0]!, { token });
  }
});

test("who sends faster than may be has to wait, loses nothing, and slows nobody else", async (t) => {
  const [annToken, benToken] = [makeToken(), makeToken()];
  const rate = 1_000_000;
  const service = await served(t, {
    tokens: [
      { user: "ann", hash: hashToken(annToken) },
      { user: "ben", hash: hashToken(benToken) },
    ],
    access: [{ users: ["*"], topics: ["*"], allow: ["publish", "subscribe", "admin"] }],
    limits: { bytesPerSecondPerUser: rate },
  });
  const ann = await connected(t, service.addresses[0]!, { token: annToken });
  const ben = await connected(t, service.addresses[0]!, { token: benToken });
  const topic = await ann.createTopic<number>("a");
  const began = performance.now();
  const producer = topic.producer({ batchSize: 1 });
  for (let n = 0; n < 13; n++) producer.push(n, new Uint8Array(100_000));
  const annIsDone = producer.flush();
  let benWasFirst = false;
  void annIsDone.then(() => t.true(benWasFirst));
  await (await ben.openTopic<number>("a")).producer().push(99);
  benWasFirst = true;
  await annIsDone;
  // One second's worth may be saved up, and no clock runs faster than time.
  t.true(performance.now() - began >= 1000 * ((13 * 100_000 - rate) / rate) - 110);
  t.is((await topic.describe()).partitions[0]!.end, 14);
});

test("who has to wait for many heartbeats waits for all of it, and is not taken for gone", async (t) => {
  const rate = 200_000;
  let connections = 0;
  const count = (_: object, message: string) => void (message === "client connected" && connections++);
  const logger: ServiceLogger = { info: count, warn: () => {}, error: () => {} };
  const service = await served(t, { limits: { bytesPerSecondPerUser: rate }, heartbeat: 50, logger });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("a");
  const producer = topic.producer({ batchSize: 1 });
  const began = performance.now();
  producer.push(0, new Uint8Array(2 * rate));
  await producer.flush();
  await producer.push(1);
  // One second's worth may be saved up, and no clock runs faster than time; a timer may run a little early.
  t.true(performance.now() - began >= 990);
  t.is(connections, 1);
});

test("greetings count, so nobody who has to wait gets round it by connecting anew", async (t) => {
  const greeting = framesOf(messageTypes.hello, 0, encodeHello({ session, again: false, joins: [] })).length;
  const service = await served(t, { limits: { bytesPerSecondPerUser: Math.floor(greeting / 2) } });
  const began = performance.now();
  const driver = await connected(t, service.addresses[0]!);
  await driver.listTopics();
  t.true(performance.now() - began >= 990);
});

test("compression is not spoken, so there is no bomb", async (t) => {
  const service = await served(t, { listeners: [{ websocket: { port: 0 } }] });
  const socket = new WebSocket(service.addresses[0]!, { perMessageDeflate: true });
  await new Promise((resolve) => socket.once("open", resolve));
  t.is(socket.extensions, "");
  socket.terminate();
});

test("a client that asks for much and reads nothing costs little, keeps nobody waiting, and is given up", async (t) => {
  const service = await served(t, { limits: { queued: 1 << 20, stall: 100 }, heartbeat: 50 });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("a");
  const producer = topic.producer();
  for (let n = 0; n < 64; n++) producer.push(n, new Uint8Array(1 << 18));
  await producer.flush();
  const greedy = await rudeClient(t, service.addresses[0]!);
  greedy.greet();
  await until(() => greedy.messages.length === 1);
  greedy.socket.pause();
  greedy.send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
  for (let stream = 1; stream <= 500; stream++) {
    const reads = [{ id: stream % 64, location: undefined, ranges: Float64Array.of(0, 1 << 18) }];
    greedy.send(messageTypes.fetch, stream, ...encodeFetch({ handle: 1, partition: 0, reads }));
  }
  const before = process.memoryUsage.rss();
  for (let n = 0; n < 50; n++) await producer.push(n);
  t.true(process.memoryUsage.rss() - before < 100 << 20);
  await until(() => service.statistics.connections === 1);
  t.true(await isServed(t, service.addresses[0]!));
});

test("a client that does not keep to its window is shown out", async (t) => {
  const service = await served(t, { limits: { window: 1000, topicWindow: 1000 } });
  const client = await rudeClient(t, service.addresses[0]!);
  client.greet();
  client.send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
  for (let stream = 1; stream < 100; stream++) {
    client.send(messageTypes.append, stream, ...encodeAppend({ handle: 1, partition: 0, batch: batch(500) }));
  }
  await client.closed();
  t.is(client.code, "ERR_LIMIT");
});

test("the bytes of batches that a process holds for all its clients together stay within their limit", async (t) => {
  const [limit, size, clients, each] = [1 << 20, 100_000, 8, 20];
  const backend = memoryBackend();
  const answers: (() => void)[] = [];
  let [held, most] = [0, 0];
  // Each client alone keeps to its window; together they would have eight times as much in the air.
  const service = await served(t, { backend, limits: { bytes: limit, window: limit, topicWindow: limit } });
  await (await connected(t, service.addresses[0]!)).createTopic("a");
  const [partition] = (await firstValueFrom(from(backend.openTopic("a")))).partitions;
  const append = partition!.append.bind(partition);
  partition!.append = (given) => {
    most = Math.max(most, (held += size));
    const answered = new Promise<void>((resolve) => answers.push(resolve));
    return from(answered).pipe(
      concatMap(() => append(given)),
      finalize(() => (held -= size)),
    );
  };
  const pushed: PromiseLike<number>[] = [];
  for (let client = 0; client < clients; client++) {
    const topic = await (await connected(t, service.addresses[0]!)).openTopic<number>("a");
    const producer = topic.producer({ batchSize: 1, maxBatches: each });
    for (let n = 0; n < each; n++) pushed.push(producer.push(n, new Uint8Array(size)));
  }
  await until(() => held >= limit - size);
  t.true(await isServed(t, service.addresses[0]!), "who has nothing to store is not kept waiting");
  let isOver = false;
  const stored = Promise.all(pushed).finally(() => (isOver = true));
  await until(() => {
    answers.shift()?.();
    return isOver;
  });
  t.is(new Set(await stored).size, clients * each);
  t.is(held, 0);
  t.true(most > limit / 2 && most <= limit + clients * size, `${most} bytes at once`);
});

test("a batch that is larger than the service takes is ERR_TOO_LARGE, and the next one is stored", async (t) => {
  const service = await served(t, { limits: { message: 100_000 } });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic<number>("a");
  const producer = topic.producer();
  await t.throwsAsync(Promise.resolve(producer.push(1, new Uint8Array(200_000))), { code: "ERR_TOO_LARGE" });
  t.is(await producer.push(2, new Uint8Array(50_000)), 0);
});

test("no secret and no line of a client's making gets into the log", async (t) => {
  const lines: string[] = [];
  const write = (facts: object, message: string) => void lines.push(JSON.stringify({ ...facts, message }));
  const logger: ServiceLogger = { info: write, warn: write, error: write };
  const token = makeToken();
  const service = await served(t, { logger, tokens: [{ user: "ann", hash: hashToken(token) }], access: [] });
  const driver = await connected(t, service.addresses[0]!, { token });
  await driver.listTopics();
  await t.throwsAsync(connect(service.addresses[0]!, { token: 'wrong\n{"level":"forged"}' }), {
    code: "ERR_UNAUTHORIZED",
  });
  await until(() => lines.some((line) => line.includes("ERR_UNAUTHORIZED")));
  t.true(lines.length > 0);
  t.false(lines.some((line) => line.includes(token) || line.includes("forged") || line.includes("\n")));
});

test("names that reach for other places are refused, also to who speaks the protocol without a client of ours", async (t) => {
  const above = await mkdtemp(join(tmpdir(), "sluice-names-"));
  t.teardown(() => rm(above, { recursive: true }));
  const backend = await logBackend(join(above, "log"));
  const service = await served(t, { backend });
  t.teardown(() => lastValueFrom(from(backend.close()), { defaultValue: undefined }));
  const [address = ""] = service.addresses;
  const driver = await connected(t, address);
  const { backend: good } = await driver.createTopic("good");
  const client = await rudeClient(t, address);
  client.greet();
  const names = [
    "../escaped",
    "a/../../escaped",
    "..",
    ".",
    "",
    "/tmp/escaped",
    "a\0b",
    "a\nb",
    "..\\escaped",
    "x".repeat(300),
    {},
  ];
  let stream = 1;
  const asked = new Set<number>();
  for (const name of names) {
    for (const op of ["create", "open", "delete"]) {
      asked.add(stream);
      client.send(messageTypes.request, stream++, encodeJson({ op, topic: name, config: good.config }));
    }
  }
  client.send(messageTypes.request, stream, encodeJson({ op: "create", topic: "fine", config: good.config }));
  await until(() => client.messages.some((each) => each.stream === stream && each.type === messageTypes.answer));
  await until(() => client.messages.filter((each) => asked.has(each.stream)).length === asked.size);
  const answers = client.messages.filter((each) => asked.has(each.stream));
  const codes = new Set(
    answers.map(({ type, body }) => (type === messageTypes.error ? decodeError(body).code : "none")),
  );

  t.deepEqual([...codes], ["ERR_PROTOCOL"]);
  t.deepEqual(await readdir(above), ["log"]);
  t.deepEqual((await driver.listTopics()).toSorted(), ["fine", "good"]);
});

test("a group file that another service has written meanwhile stays, and nothing is left of one that cannot be written", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-group-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const groupFile = join(folder, "sluice.json");
  const services = [];
  for (let i = 0; i < 2; i++) {
    services.push(await serve({ backend: memoryBackend(), listeners: [{ tcp: { port: 0 } }], groupFile }));
  }
  await services[0]!.close();
  t.true((await readFile(groupFile, "utf8")).includes(services[1]!.addresses[0]!));
  await services[1]!.close();
  await mkdir(groupFile);
  await t.throwsAsync(serve({ backend: memoryBackend(), listeners: [{ tcp: { port: 0 } }], groupFile }));
  t.deepEqual(await readdir(folder), ["sluice.json"]);
});

test("a group file and a socket are for the eyes of their owner, and are gone at the end", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-group-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const [groupFile, path] = [join(folder, "sluice.json"), join(folder, "socket")];
  const service = await serve({
    backend: memoryBackend(),
    listeners: [{ unix: { path } }, { tcp: { port: 0 } }],
    groupFile,
  });
  t.is((await stat(groupFile)).mode & 0o777, 0o600);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(JSON.parse(await readFile(groupFile, "utf8")), {
    sluice: 1,
    members: [{ rank: 0, addresses: service.addresses }],
  });
  const driver = await connect(`sluice:${groupFile}`);
  t.deepEqual(await driver.listTopics(), []);
  await driver.close();
  await t.throwsAsync(serve({ backend: memoryBackend(), listeners: [{ unix: { path } }] }), { code: "ERR_LOCKED" });
  await service.close();
  await t.throwsAsync(stat(groupFile));
  await t.throwsAsync(stat(path));
  await writeFile(path, "mine");
  await t.throwsAsync(serve({ backend: memoryBackend(), listeners: [{ unix: { path } }] }), { code: "ERR_LOCKED" });
  t.is(await readFile(path, "utf8"), "mine");
});
