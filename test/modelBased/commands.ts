import fc from "fast-check";
import { from, type Subscription } from "rxjs";
import type { Appended, BackendTopic, Lease } from "../../src/index.ts";
import { answerOf, batchOf, joined, someBytes, type TestEvent } from "../log/support.ts";
import { assertAll, assertBatch, assertBounds, assertBytes, assertSame, outcomeOf, wholeOf } from "./compare.ts";
import type { Model, World } from "./world.ts";

/** A command with a name and its arguments, so that a failure can be read. */
class Command implements fc.AsyncCommand<Model, World> {
  readonly #title: () => string;
  readonly #run: (world: World) => Promise<void>;

  constructor(title: () => string, run: (world: World) => Promise<void>) {
    this.#title = title;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, world: World): Promise<void> {
    await this.#run(world);
  }

  toString(): string {
    return this.#title();
  }
}

/** A command for each set of arguments. */
function command<T>(
  name: string,
  args: fc.Arbitrary<T>,
  run: (world: World, args: T) => Promise<void>,
): fc.Arbitrary<fc.AsyncCommand<Model, World>> {
  return args.map(
    (values) =>
      new Command(
        () => `${name}(${fc.stringify(values)})`,
        (world) => run(world, values),
      ),
  );
}

/** A part of a whole. Numbers of floating point would nearly all be nearly 0. */
const share = fc.nat(1000).map((thousandths) => thousandths / 1000);
const below = fc.nat(999).map((thousandths) => thousandths / 1000);
const partition = fc.nat(7);
const sizes = fc.array(
  fc.record({ text: fc.nat(60), data: fc.oneof(fc.constant(0), fc.nat(300), fc.constant(5000)) }),
  {
    minLength: 1,
    maxLength: 6,
  },
);
const producer = fc.option(fc.constantFrom("p", "q"), { nil: undefined });
type Sizes = readonly { readonly text: number; readonly data: number }[];

function eventsOf(world: World, wanted: Sizes): TestEvent[] {
  return wanted.map(({ text, data }, i) => ({
    text: `${world.time}.${i} ${"x".repeat(text)}`,
    ...(data > 0 && { data: someBytes(data, world.time + i) }),
  }));
}

/** Appends one batch to both sides. `back` says how many events of the producer are sent again with it. */
export const append = command(
  "append",
  fc.record({ partition, sizes, producer, back: fc.constantFrom(0, 0, 0, 1, 3), skip: fc.constantFrom(0, 0, 0, 0, 1) }),
  async (world, { partition: number, sizes: wanted, producer: id, back, skip }) => {
    const [subject, memory] = world.partition(number);
    const time = (world.time += 10);
    const events = eventsOf(world, wanted);
    const key = `${id}/${number % world.count}`;
    const next = world.sequences.get(key) ?? 0;
    const sequence = Math.max(0, next - back) + skip;
    const batch = batchOf(events, id === undefined ? undefined : { id, sequence }, time);
    const before = (await answerOf(memory.bounds())).end;
    const [answer, expected] = [
      await outcomeOf(answerOf(subject.append(batch))),
      await outcomeOf(answerOf(memory.append(batch))),
    ];
    assertSame(forgetful(answer), forgetful(expected), "an append");
    const stored = (await answerOf(memory.bounds())).end - before;
    if (stored === 0) return;
    world.wrote(number, events.slice(events.length - stored), time);
    if (id !== undefined) world.sequences.set(key, sequence + events.length);
  },
);

/** An id that was forgotten is -1, and how much is remembered may differ. */
function forgetful(outcome: { answer: Appended } | { code: string }): unknown {
  if ("code" in outcome) return outcome;
  const { firstId, ids } = outcome.answer;
  return ids === undefined || ids.every((each, i) => each === firstId + i) ? { firstId } : { ids };
}

/** Appends several batches at once, so that they are committed together. */
export const appendTogether = command(
  "appendTogether",
  fc.record({ partition, batches: fc.array(sizes, { minLength: 2, maxLength: 5 }) }),
  async (world, { partition: number, batches }) => {
    const [subject, memory] = world.partition(number);
    const made = batches.map((wanted) => {
      world.time += 10;
      return { time: world.time, events: eventsOf(world, wanted) };
    });
    const answers = made.map(({ events, time }) =>
      outcomeOf(answerOf(subject.append(batchOf(events, undefined, time)))),
    );
    for (const [i, { events, time }] of made.entries()) {
      const expected = await outcomeOf(answerOf(memory.append(batchOf(events, undefined, time))));
      assertSame(await answers[i], expected, "an append");
      if ("answer" in expected) world.wrote(number, events, time);
    }
  },
);

/** Reads a batch from somewhere. */
export const read = command(
  "read",
  fc.record({
    partition,
    at: share,
    maxEvents: fc.integer({ min: 1, max: 9 }),
    maxBytes: fc.integer({ min: 1, max: 400 }),
  }),
  async (world, { partition: number, at, maxEvents, maxBytes }) => {
    const [subject, , written] = world.partition(number);
    const { start, end } = await answerOf(subject.bounds());
    const position = Math.floor(at * end);
    if (start >= end || position >= end) return;
    const batch = await answerOf(subject.read(position, { maxEvents, maxBytes }));
    assertBatch(batch, Math.max(position, start), written);
    if (batch.count > maxEvents || (batch.count > 1 && batch.metadata.length > maxBytes))
      throw new Error(`${batch.count} events, ${batch.metadata.length} bytes`);
  },
);

/** Waits at the end for what comes next, and lets it come. */
export const waitAndAppend = command(
  "waitAndAppend",
  fc.record({ partition, sizes }),
  async (world, { partition: number, sizes: wanted }) => {
    const [subject, memory, written] = world.partition(number);
    const position = written.length;
    const waiting = answerOf(subject.read(position, { maxEvents: 100, maxBytes: 1 << 20 }));
    if (world.sealed) return assertSame(await waiting, undefined, "a read at the end of a sealed partition");
    const time = (world.time += 10);
    const events = eventsOf(world, wanted);
    await answerOf(subject.append(batchOf(events, undefined, time)));
    await answerOf(memory.append(batchOf(events, undefined, time)));
    world.wrote(number, events, time);
    assertBatch(await waiting, position, written);
  },
);

/** Fetches ranges of the data of one event, with memory to put them in or without. */
export const fetch = command(
  "fetch",
  fc.record({
    partition,
    at: below,
    cuts: fc.array(share, { maxLength: 6 }),
    into: fc.boolean(),
  }),
  async (world, { partition: number, at, cuts, into }) => {
    const [subject, , written] = world.partition(number);
    const { start, end } = await answerOf(subject.bounds());
    if (start >= end) return;
    const { id, data } = written[start + Math.floor(at * (end - start))]!;
    const places = cuts.map((cut) => Math.floor(cut * data.length)).sort((a, b) => a - b);
    const ranges: number[] = [];
    for (let i = 0; i + 1 < places.length; i += 2) ranges.push(places[i]!, places[i + 1]! - places[i]!);
    const expected = joined(
      Array.from({ length: ranges.length / 2 }, (_, i) =>
        data.subarray(ranges[2 * i], ranges[2 * i]! + ranges[2 * i + 1]!),
      ),
    );
    const room = into ? [new Uint8Array(expected.length + 3)] : undefined;
    const request = { id, location: undefined, ranges: Float64Array.from(ranges), ...(room && { into: room }) };
    const [parts] = await answerOf(subject.fetch([request]));
    assertBytes(joined(room ?? parts!).subarray(0, expected.length), expected);
    const [whole] = await answerOf(subject.fetch([wholeOf(id, data.length)]));
    assertBytes(joined(whole!), data);
  },
);

/** Looks for a time. */
export const find = command("find", fc.record({ partition, at: share }), async (world, { partition: number, at }) => {
  const [subject, memory] = world.partition(number);
  const time = 1000 + Math.floor(at * (world.time - 990));
  const [found, expected] = [await answerOf(subject.find(time)), await answerOf(memory.find(time))];
  const { start } = await answerOf(memory.bounds());
  if (expected > start || !world.subject.dropsLate) assertSame(found, expected, "a position found by time");
});

/** Compares how far a partition reaches. */
export const bounds = command("bounds", partition, async (world, number) => {
  const [subject, memory] = world.partition(number);
  await assertBounds(world, subject, memory);
});

/** Joins on one side. What is wanted back is given back at once; it stays in the list, so that it is acknowledged with all the same. */
function follow(
  topic: BackendTopic,
  consumer: string,
  partitions: readonly number[] | undefined,
  leases: Lease[],
): Subscription {
  const given = (granted: readonly Lease[]) => {
    for (const lease of granted) {
      leases.push(lease);
      from(lease.revoked).subscribe(() => lease.release());
    }
  };
  return from(topic.join(consumer, { partitions })).subscribe({ next: given, error: ignore }); // It fails when the backend ends.
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Joins a group. */
export const join = command(
  "join",
  fc.record({ consumer: fc.constantFrom("app", "other"), all: fc.boolean() }),
  async (world, { consumer, all }) => {
    const partitions = all ? undefined : [0];
    const leases: [Lease[], Lease[]] = [[], []];
    const subscriptions = [
      follow(world.topic, consumer, partitions, leases[0]),
      follow(world.reference, consumer, partitions, leases[1]),
    ] as const;
    world.members.push({ consumer, leases, subscriptions });
    await settle();
    assertLeases(world);
  },
);

/** Leaves a group. */
export const leave = command("leave", fc.nat(5), async (world, which) => {
  const [member] = world.members.splice(which % Math.max(1, world.members.length), 1);
  for (const each of member?.subscriptions ?? []) each.unsubscribe();
  await settle();
  assertLeases(world);
});

/** Acknowledges a position, ahead of the last one or behind it, with a lease that may be lost. */
export const acknowledge = command(
  "acknowledge",
  fc.record({ which: fc.nat(5), lease: fc.nat(5), at: share }),
  async (world, { which, lease, at }) => {
    const member = world.members[which % Math.max(1, world.members.length)];
    if (member === undefined || member.leases[0].length === 0) return;
    const [subject, memory] = member.leases.map((leases) => leases[lease % leases.length]!);
    const position = Math.floor(at * world.partition(subject!.partition)[2].length);
    assertSame(
      await outcomeOf(answerOf(subject!.acknowledge(position))),
      await outcomeOf(answerOf(memory!.acknowledge(position))),
      "an acknowledgement",
    );
  },
);

/** Compares what has been acknowledged. */
export const cursors = command("cursors", fc.constantFrom("app", "other", "nobody"), async (world, consumer) => {
  await assertCursors(world, consumer);
});

/** Adds partitions. */
export const addPartitions = command("addPartitions", fc.integer({ min: 1, max: 2 }), async (world, count) => {
  if (world.count + count > 5) return;
  await answerOf(world.topic.addPartitions(count));
  await answerOf(world.reference.addPartitions(count));
  assertSame(world.topic.partitions.length, world.count, "how many partitions there are");
  await settle();
  assertLeases(world);
});

/** Seals the topic. */
export const seal = command("seal", fc.constant(undefined), async (world) => {
  await answerOf(world.topic.seal());
  await answerOf(world.reference.seal());
  world.sealed = true;
});

/** Makes, opens, deletes and lists other topics. */
export const otherTopics = command(
  "otherTopics",
  fc.record({ name: fc.constantFrom("x", "y"), what: fc.constantFrom("create", "open", "delete", "list") }),
  async (world, { name, what }) => {
    const { config } = world.reference;
    const results = [world.subject.backend, world.memory].map(async (backend) => {
      if (what === "create") return outcomeOf(answerOf(backend.createTopic(name, config)).then((topic) => topic.name));
      if (what === "open") return outcomeOf(answerOf(backend.openTopic(name)).then((topic) => topic.partitions.length));
      if (what === "delete") return outcomeOf(answerOf(backend.deleteTopic(name)));
      return [...(await answerOf(backend.listTopics()))].sort();
    });
    assertSame(await results[0], await results[1], `${what} ${name}`);
  },
);

/** Closes the backend in good order, and opens it again. Nothing may have changed. */
export const reopen = command("reopen", fc.constant(undefined), async (world) => {
  if (world.subject.reopen === undefined) return;
  world.leaveAll();
  await world.subject.reopen();
  await openAgain(world);
});

/** Ends the backend while batches and an acknowledgement are on their way, and opens what is left. */
export const end = command(
  "end",
  fc.record({
    how: fc.constantFrom("kill" as const, "power loss" as const),
    dice: share,
    partition,
    batches: fc.array(sizes, { maxLength: 4 }),
  }),
  async (world, { how, dice, partition: number, batches }) => {
    if (world.subject.end === undefined) return;
    const [subject, memory, written] = world.partition(number);
    const made = world.sealed
      ? []
      : batches.map((wanted) => ({ time: (world.time += 10), events: eventsOf(world, wanted) }));
    const [least, position] = [written.length, Math.floor(written.length * dice)];
    let [stored, moved, stopped] = [0, false, { stored: 0, moved: false }];
    for (const { events, time } of made)
      answerOf(subject.append(batchOf(events, undefined, time))).then(() => (stored += events.length), ignore);
    const lease = world.members[0]?.leases.map((leases) =>
      leases.find((each) => each.partition === number % world.count),
    );
    if (lease?.[0] !== undefined) answerOf(lease[0].acknowledge(position)).then(() => (moved = true), ignore);
    await world.subject.end(how, dice, () => (stopped = { stored, moved }));
    world.topic = await answerOf(world.subject.backend.openTopic("t"));
    // What had not been answered is there or not, but whole, and in its order.
    const left = (await answerOf(world.partition(number)[0].bounds())).end;
    if (left < least + stopped.stored)
      throw new Error(`The end is ${left}, where ${least + stopped.stored} were stored`);
    for (const { events, time } of made) {
      if (written.length >= left) break;
      await answerOf(memory.append(batchOf(events, undefined, time)));
      world.wrote(number, events, time);
    }
    if (lease?.[1] !== undefined) {
      const { consumer } = world.members[0]!;
      const found = (await answerOf(world.topic.cursors(consumer)))[number % world.count];
      if (stopped.moved && (found ?? 0) < position)
        throw new Error(`The cursor is at ${found}, where ${position} was stored`);
      if (found === position) await outcomeOf(answerOf(lease[1].acknowledge(position)));
    }
    world.leaveAll();
    await openAgain(world);
  },
);

function ignore(): void {
  // The call was under way when the backend ended.
}

async function openAgain(world: World): Promise<void> {
  world.topic = await answerOf(world.subject.backend.openTopic("t"));
  assertSame(world.topic.config, world.reference.config, "the topic");
  await assertAll(world);
  for (const consumer of ["app", "other"]) await assertCursors(world, consumer);
}

async function assertCursors(world: World, consumer: string): Promise<void> {
  const [subject, memory] = [
    await answerOf(world.topic.cursors(consumer)),
    await answerOf(world.reference.cursors(consumer)),
  ];
  const positions = (side: readonly (number | undefined)[]) => Array.from(side, (each) => each ?? -1);
  assertSame(positions(subject), positions(memory), "cursors");
}

function assertLeases(world: World): void {
  for (const { consumer, leases } of world.members) {
    const [subject, memory] = leases.map((side) => side.map(({ partition: index, position }) => ({ index, position })));
    assertSame(subject, memory, `leases of ${consumer}`);
  }
}
