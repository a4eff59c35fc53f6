import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { acceptedWire } from "../../backends/service/transport/acceptedWire.ts";
import { ReadBuffer } from "../../backends/service/transport/readBuffer.ts";
import { socketWire } from "../../backends/service/transport/socketWire.ts";
import type { Wire } from "../../backends/service/protocol/wire.ts";

/** A wire that connects and one that was accepted, which belong together. */
async function wires(
  t: ExecutionContext,
  accept: (socket: Socket) => Wire = (socket) => acceptedWire(socket, "client"),
): Promise<{ ours: Wire; theirs: Wire; connections: () => Promise<number> }> {
  const server = createServer({ pauseOnConnect: true });
  t.teardown(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const reads = new ReadBuffer();
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection");
  const socket = connect({ port, host: "127.0.0.1", onread: reads.onread });
  const [other] = (await accepted) as [Socket];
  const connections = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  return { ours: socketWire(socket, "server", reads), theirs: accept(other), connections };
}

/** What has come by a wire, and whether it is closed. */
function heard(wire: Wire) {
  const state = { bytes: [] as number[], isClosed: false, drained: 0 };
  wire.listen({
    bytes: (chunk) => void state.bytes.push(...chunk),
    drained: () => state.drained++,
    closed: () => (state.isClosed = true),
  });
  return state;
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve));
}

test("bytes go both ways, also those that come before somebody listens", async (t) => {
  const { ours, theirs } = await wires(t);
  const there = heard(theirs);
  theirs.write([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  ours.write([Uint8Array.of(4)]);
  await until(() => there.bytes.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  const here = heard(ours);
  await until(() => here.bytes.length === 3);
  t.deepEqual(here.bytes, [1, 2, 3]);
  t.deepEqual(there.bytes, [4]);
  ours.destroy();
  theirs.destroy();
});

test("the server counts a connection until its wire is closed, by whichever side", async (t) => {
  for (const side of ["ours", "theirs"] as const) {
    const both = await wires(t);
    const [here, there] = [heard(both.ours), heard(both.theirs)];
    t.is(await both.connections(), 1);
    both[side].end();
    await until(() => here.isClosed && there.isClosed);
    await until(async () => (await both.connections()) === 0);
  }
  t.pass();
});

test("a wire that is paused takes nothing until it reads on, and loses nothing", async (t) => {
  const { ours, theirs } = await wires(t);
  const there = heard(theirs);
  ours.write([Uint8Array.of(1)]);
  await until(() => there.bytes.length === 1);
  theirs.pause();
  const here = heard(ours);
  ours.write([Uint8Array.of(2)]);
  theirs.write([Uint8Array.of(9)]); // Its own way is free.
  await until(() => here.bytes.length === 1);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(there.bytes, [1]);
  theirs.resume();
  await until(() => there.bytes.length === 2);
  t.deepEqual(there.bytes, [1, 2]);
  ours.destroy();
  theirs.destroy();
});

test("it is told when bytes have gone, once, and not when they never do", async (t) => {
  const { ours, theirs } = await wires(t);
  heard(ours);
  heard(theirs);
  let gone = 0;
  ours.write([new Uint8Array(10), new Uint8Array(100_000), new Uint8Array(5)], () => gone++);
  await until(() => gone > 0);
  const twice = new Uint8Array(10_000);
  ours.write([twice, new Uint8Array(1), twice], () => gone++);
  await until(() => gone > 1);
  theirs.pause();
  let never = 0;
  ours.write([new Uint8Array(64 << 20)], () => never++);
  await until(() => ours.buffered > 0);
  ours.destroy();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual([gone, never], [2, 0]);
  theirs.destroy();
});

test("a socket whose handle cannot be had is read as any other", async (t) => {
  const { ours, theirs } = await wires(t, (socket) => {
    // Only the first look finds none: Node itself needs it.
    let { _handle: handle } = socket as unknown as { _handle: object | null };
    let looks = 0;
    const get = () => (looks++ === 0 ? undefined : handle);
    const set = (changed: object | null) => {
      handle = changed;
    };
    Object.defineProperty(socket, "_handle", { get, set });
    return acceptedWire(socket, "client");
  });
  const there = heard(theirs);
  ours.write([Uint8Array.of(7, 8)]);
  await until(() => there.bytes.length === 2);
  t.deepEqual(there.bytes, [7, 8]);
  ours.destroy();
  theirs.destroy();
});
