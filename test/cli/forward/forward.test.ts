import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { connect, registerBackend, SluiceError, type Backend, type StreamEvent, type Topic } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import type { DeadLetterMetadata } from "sluice/operators";
import { FaultPlan, withFaults } from "sluice/testing";
import { EMPTY, lastValueFrom, of, Subject } from "rxjs";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { forwardTopic, type ForwardOptions } from "../../../cli/forward/forwardTopic.ts";
import { runCommand, temporaryFolder } from "../runCommand.ts";

let names = 0;

/** A topic that takes no acknowledgements. */
async function topicWithout({ name, backend }: Topic): Promise<Topic> {
  const faults = new FaultPlan();
  faults.acknowledge.fail(new SluiceError("ERR_STORAGE", "no acknowledgement today"));
  const inner = { ...memoryBackend(), openTopic: () => of(backend), close: () => EMPTY };
  const unregister = registerBackend("no-acknowledgements", () => withFaults(inner, faults));
  const driver = await connect("no-acknowledgements:");
  unregister();
  return driver.openTopic(name);
}

/** Two backends, of which the second can be made to fail, and a topic in the first with numbered events in two partitions. */
async function twoBackends(count: number) {
  const faults = new FaultPlan();
  const [from, to] = [`from-${names}`, `to-${names++}`];
  const shared = new Map<string, Backend>([
    [from, memoryBackend()],
    [to, withFaults(memoryBackend(), faults)],
  ]);
  // Closing a driver must not take away what the next command looks at.
  for (const [scheme, backend] of shared)
    registerBackend(scheme, () => ({ ...backend, close: () => Promise.resolve() }));
  const source = await connect(`${from}:`);
  const topic = await source.createTopic("numbers", { partitions: 2 });
  const producer = topic.producer();
  for (let n = 0; n < count; n++) producer.push({ n }, new Uint8Array([n, n]), { partition: n % 2 });
  await producer.flush();
  const target = await connect(`${to}:`);
  return { from: `${from}:`, to: `${to}:`, source, target, topic, faults };
}

async function contentOf(driver: Awaited<ReturnType<typeof connect>>, name: string) {
  const topic = await driver.openTopic<{ n: number }>(name);
  const content: number[][] = Array.from({ length: topic.partitions }, () => []);
  const all = topic.consumer("check", { until: "end", dataSelector: (_metadata, descriptor) => descriptor });
  for await (const event of all) content[event.partition]!.push(event.metadata.n, ...event.data.toUint8Array());
  return content;
}

test("forward copies metadata, data, partition and order, and goes on where it was", async (t) => {
  const { from, to, target, topic } = await twoBackends(6);
  const line = [
    "forward",
    "--driver",
    from,
    "--from",
    "numbers",
    "--to",
    "copy",
    "--to-driver",
    to,
    "--create",
    "--until",
    "end",
  ];
  const first = await runCommand([...line, "--json"]);
  t.is(first.code, 0, first.stderr);
  t.deepEqual(JSON.parse(first.stdout), { forwarded: 6, rejected: 0 });
  t.deepEqual(await contentOf(target, "copy"), [
    [0, 0, 0, 2, 2, 2, 4, 4, 4],
    [1, 1, 1, 3, 3, 3, 5, 5, 5],
  ]);
  await topic.producer().push({ n: 6 }, undefined, { partition: 1 });
  t.deepEqual(JSON.parse((await runCommand([...line, "--json"])).stdout), { forwarded: 1, rejected: 0 });
});

test("forwardTopic() keeps the order and loses nothing while the target fails again and again", async (t) => {
  const { target, topic, faults } = await twoBackends(50);
  const copy = await target.createTopic("copy", { partitions: 2 });
  faults.append.fail(new Error("disk full"), { times: 3 });
  const retried: unknown[] = [];
  const report = { retrying: (error: unknown) => void retried.push(error) };
  await lastValueFrom(
    forwardTopic(topic, copy, { name: "forward", until: "end", retry: { initialDelay: 1 }, report }),
    { defaultValue: undefined },
  );
  t.is(retried.length, 3);
  const numbers = (await contentOf(target, "copy")).map((content) => content.filter((_, i) => i % 3 === 0));
  t.deepEqual(numbers, [Array.from({ length: 25 }, (_, n) => 2 * n), Array.from({ length: 25 }, (_, n) => 2 * n + 1)]);
  t.is((await topic.lag("forward")).total, 0);
});

test("forwardTopic() stores and acknowledges what is under way when it is asked to stop", async (t) => {
  const { target, topic, faults } = await twoBackends(2);
  const copy = await target.createTopic("copy", { partitions: 2 });
  faults.append.delay(100);
  const stop = new Subject<void>();
  const forwarded: number[] = [];
  const report = { forwarded: ({ id, partition }: StreamEvent) => void forwarded.push(partition * 10 + id) };
  const done = lastValueFrom(forwardTopic(topic, copy, { name: "forward", stop, report }), { defaultValue: undefined });
  while (faults.append.calls.length < 2) await new Promise(setImmediate);
  stop.next();
  await done;
  t.deepEqual(
    forwarded.toSorted((a, b) => a - b),
    [0, 10],
  );
  t.is((await topic.lag("forward")).total, 0);
});

/** Forwards until the end of the source as it is now. */
function forwardAll(source: Topic, target: Topic, more: Partial<ForwardOptions> = {}) {
  const options = { name: "forward", until: "end", retry: { initialDelay: 1 }, ...more } as const;
  return lastValueFrom(forwardTopic(source, target, options), { defaultValue: undefined });
}

test("forward keeps the time of an event", async (t) => {
  const { from, to, target, source } = await twoBackends(0);
  const topic = await source.openTopic("numbers");
  await topic.producer().push({ n: 0 }, undefined, { partition: 1, timestamp: 1_234_567_890_123 });
  const line = ["forward", "--driver", from, "--from", "numbers", "--to", "copy", "--to-driver", to, "--create"];
  t.is((await runCommand([...line, "--until", "end"])).code, 0);
  const event = await (await target.openTopic("copy")).consumer("check").pull();
  t.is(event.timestamp, 1_234_567_890_123);
  t.is(event.partition, 1);
});

test("forwardTopic() stores nothing twice when its acknowledgements are lost, also in another run", async (t) => {
  const { target, topic, faults } = await twoBackends(3000);
  const copy = await target.createTopic("copy", { partitions: 2 });
  const unacknowledged = await topicWithout(topic);
  await forwardAll(unacknowledged, copy);
  t.is((await topic.lag("forward")).total, 3000, "nothing is acknowledged");
  t.true((await copy.describe()).partitions[0]!.end > 0, "though it is stored");
  faults.append.loseAnswer(new Error("away"), { times: 2 }); // Nor when answers of the target are lost.
  await forwardAll(topic, copy);
  const numbers = (await contentOf(target, "copy")).map((content) => content.filter((_, i) => i % 3 === 0));
  t.deepEqual(numbers, [
    Array.from({ length: 1500 }, (_, n) => 2 * n),
    Array.from({ length: 1500 }, (_, n) => 2 * n + 1),
  ]);
  await topic.producer().push({ n: 3000 }, undefined, { partition: 0 });
  await forwardAll(topic, copy);
  t.is((await copy.describe()).partitions[0]!.end, 1501, "and it goes on behind");
});

test("forwardTopic() loses nothing of a source whose ids begin again, and nothing behind what the target refuses", async (t) => {
  const { source, target, topic } = await twoBackends(10);
  const validator = { type: "event-pattern", pattern: { n: [{ "anything-but": [4, 13] }] } } as const;
  const copy = await target.createTopic("copy", { partitions: 2, validator });
  await forwardAll(topic, copy, { rejected: "skip" });
  await source.deleteTopic("numbers");
  const again = await source.createTopic("numbers", { partitions: 2 });
  const producer = again.producer();
  for (let n = 10; n < 20; n++) {
    producer.push({ n }, undefined, { partition: n % 2, timestamp: 1_000 + n });
  }
  await producer.flush();
  await forwardAll(again, copy, { rejected: "skip" });
  const read: number[][] = [[], []];
  const all = (await target.openTopic<{ n: number }>("copy")).consumer("check", { until: "end" });
  for await (const { partition, metadata } of all) read[partition]!.push(metadata.n);
  t.deepEqual(read, [
    [0, 2, 6, 8, 10, 12, 14, 16, 18],
    [1, 3, 5, 7, 9, 11, 15, 17, 19],
  ]);
});

test("forwardTopic() does not wait for the next try when it is asked to stop", async (t) => {
  const { target, topic, faults } = await twoBackends(2);
  const copy = await target.createTopic("copy", { partitions: 2 });
  faults.append.fail(new Error("away"));
  const stop = new Subject<void>();
  const hour = 3_600_000;
  const retry = { initialDelay: hour, maxDelay: hour, jitter: 0, count: 1 };
  const report = { retrying: () => void setImmediate(() => stop.next()) };
  await lastValueFrom(forwardTopic(topic, copy, { name: "forward", stop, report, retry, drainTimeout: 20 }), {
    defaultValue: undefined,
  });
  t.is((await topic.lag("forward")).total, 2, "nothing is acknowledged, and all of it is forwarded the next time");
});

test("forwardTopic() acknowledges nothing that is not stored", async (t) => {
  const { target, topic, faults } = await twoBackends(10);
  const copy = await target.createTopic("copy", { partitions: 2 });
  faults.append.fail(new Error("disk full"));
  const retry = { count: 1, initialDelay: 0 };
  await t.throwsAsync(lastValueFrom(forwardTopic(topic, copy, { name: "forward", until: "end", retry })));
  t.is((await topic.lag("forward")).total, 10);
});

test("events that the target refuses go to a dead-letter topic with their data, or end the command", async (t) => {
  const { from, to, target } = await twoBackends(4);
  await target.createTopic("picky", {
    partitions: 2,
    validator: { type: "event-pattern", pattern: { n: [{ numeric: ["<", 2] }] } },
  });
  const line = ["forward", "--driver", from, "--from", "numbers", "--to", "picky", "--to-driver", to, "--until", "end"];
  const failed = await runCommand([...line, "--name", "one"]);
  t.is(failed.code, exitCodes.rejected);
  const dealtWith = await runCommand([...line, "--name", "two", "--dead-letter", "dead", "--json"]);
  t.deepEqual(JSON.parse(dealtWith.stdout), { forwarded: 4, rejected: 2 });
  const dead = await target.openTopic<{ metadata: { n: number } }>("dead");
  const letters: number[] = [];
  for await (const letter of dead.consumer("post", { until: "end" })) {
    letters.push(letter.metadata.metadata.n, (await letter.fetchData()).size);
  }
  t.deepEqual(
    letters.toSorted((a, b) => a - b),
    [2, 2, 2, 3],
  );
});

test("forward follows a configuration, and ends cleanly when it is asked to", async (t) => {
  const { from, to, target, topic } = await twoBackends(2);
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "forward.toml"),
    `[drivers]\nlocal = "${from}"\nremote = { url = "${to}" }\n[[forward]]\nfrom = "local/numbers"\nto = "remote/copy"\ncreate = true\nselect = "0:1"\n`,
  );
  let stop = () => {};
  const running = runCommand(["forward", "-c", "forward.toml"], {
    cwd: folder,
    withSignal: (send) => (stop = () => send("SIGTERM")),
  });
  const isThere = async (): Promise<void> => {
    if ((await topic.lag("forward-remote-copy")).total === 0) return;
    await new Promise(setImmediate);
    await isThere();
  };
  await isThere();
  stop();
  const { code, stderr } = await running;
  t.is(code, 0);
  t.regex(stderr, /Forwarded 2 events, 0 refused/);
  t.deepEqual(await contentOf(target, "copy"), [
    [0, 0],
    [1, 1],
  ]);
});

test("a wrong configuration is told with what was meant", async (t) => {
  const folder = await temporaryFolder(t);
  for (const [config, message] of [
    [`{"driver":{}}`, /There is no "driver" in the configuration, did you mean "drivers"\?/],
    [
      `{"drivers":{"a":"memory:"},"forward":[{"from":"a/x","to":"b/y"}]}`,
      /no driver "b" in the configuration \(there are "a"\)/,
    ],
    [`{"drivers":{"a":"memory:"},"forward":[{"from":"a","to":"a/y"}]}`, /forward\[0\]\.from must be driver\/topic/],
    [`{"drivers":{"a":"memory:"},"forward":[{"from":"a/x","to":"a/y","partition":"kept"}]}`, /must be keep or select/],
    [`{"drivers":{"a":{"ulr":"memory:"}},"forward":[]}`, /There is no "ulr" in drivers\.a, did you mean "url"\?/],
    [
      `{"drivers":{"a":"memory:","b":"memory:"},"forward":[{"from":"a/x","to":"b/x"}]}`,
      /"x" would be forwarded into itself, and never end/,
    ],
    [
      `{"drivers":{"a":"memory:"},"forward":[{"from":"a/x","to":"a/y","deadLetter":"a/x"}]}`,
      /"x" would be forwarded into itself/,
    ],
    [`{"drivers":{"a":"memory:"}}`, /forwards nothing/],
    [`{"__proto__":{}}`, /key that is not allowed/],
  ] as const) {
    await writeFile(join(folder, "forward.json"), config);
    const { code, stderr } = await runCommand(["forward", "-c", "forward.json"], { cwd: folder });
    t.is(code, exitCodes.usage, config);
    t.regex(stderr, message);
  }
  t.is((await runCommand(["forward", "--driver", "memory:"])).code, exitCodes.usage);
});

test("an event whose metadata cannot be decoded goes to the dead letters, with its bytes and its data", async (t) => {
  const { source, target } = await twoBackends(0);
  const foreign = await source.createTopic<string>("foreign", { serializer: { type: "text" } });
  const producer = foreign.producer();
  producer.push(`{"n":1}`, new Uint8Array([1]));
  producer.push("no JSON", new Uint8Array([2, 3]));
  producer.push(`{"n":4}`, new Uint8Array([4]));
  await producer.flush();
  const topic = await source.openTopic("foreign", { serializer: { type: "json" } });
  const [copy, dead] = [await target.createTopic("copy"), await target.createTopic<DeadLetterMetadata>("dead")];
  await lastValueFrom(forwardTopic(topic, copy, { name: "way", until: "end", rejected: dead }), {
    defaultValue: undefined,
  });

  t.deepEqual(await contentOf(target, "copy"), [[1, 1, 4, 4]]);
  const letter = await dead.consumer("post", { dataSelector: (_, data) => data }).pull();
  const { metadata, undecodable, origin, error } = letter.metadata;
  t.deepEqual([metadata, atob(undecodable ?? ""), origin.id, error.code], [null, "no JSON", 1, "ERR_UNDECODABLE"]);
  t.deepEqual([...letter.data.toUint8Array()], [2, 3]);
  t.is((await topic.lag("way")).total, 0);
});
