import test from "ava";
import { WebSocket } from "ws";
import { encodeAppend } from "../../backends/service/protocol/appendCodec.ts";
import { encodeJson } from "../../backends/service/protocol/boundedJson.ts";
import { encodeHeader, maxFrameBytes, messageTypes } from "../../backends/service/protocol/frame.ts";
import { encodeRead } from "../../backends/service/protocol/readCodec.ts";
import { batch, isServed, rudeClient, type RudeClient } from "./rudeClient.ts";
import { connected, served, until } from "./served.ts";

const nonsense: Readonly<Record<string, (client: RudeClient) => void>> = {
  noise: ({ socket }) => void socket.write(Buffer.alloc(5000, 0xa5)),
  HTTP: ({ socket }) => void socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "a frame that is too large": ({ socket }) =>
    void socket.write(encodeHeader({ length: maxFrameBytes + 1, rest: 0, stream: 1, type: 11, flags: 0 })),
  "a batch of 4 GiB": ({ socket }) =>
    void socket.write(
      encodeHeader({ length: maxFrameBytes, rest: 0xffff_ffff - maxFrameBytes, stream: 1, type: 11, flags: 0 }),
    ),
  "a flood of crumbs": ({ socket }) =>
    void socket.write(encodeHeader({ length: 1, rest: 1000, stream: 1, type: 11, flags: 0 })),
  "a request that is not JSON": ({ send }) => send(messageTypes.request, 1, Buffer.from("{")),
  "a prototype key": ({ send }) =>
    send(messageTypes.request, 1, Buffer.from('{"op":"create","topic":"a","config":{"__proto__":{"polluted":1}}}')),
  "JSON nested too deep": ({ send }) => send(messageTypes.request, 1, Buffer.from("[".repeat(60_000))),
  "a message of an unknown type": ({ send }) => send(99, 1),
  "a request of an inherited name": ({ send }) =>
    send(messageTypes.request, 1, encodeJson({ op: "constructor", handle: "x" })),
  "a topic with a path for a name": ({ send }) =>
    send(messageTypes.request, 1, encodeJson({ op: "open", topic: "../../etc/passwd" })),
  "a batch whose ends lie": ({ send }) => {
    send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
    send(
      messageTypes.append,
      1,
      ...encodeAppend({ handle: 1, partition: 0, batch: { ...batch(), metadataEnds: Uint32Array.of(0xffff_ffff) } }),
    );
  },
  "a second greeting": ({ greet }) => (greet(), greet()),
  "two requests of one number": ({ send }) => {
    send(messageTypes.attach, 0, encodeJson({ handle: 1, topic: "a", incarnation: null }));
    const read = encodeRead({ handle: 1, partition: 0, position: 0, limits: { maxEvents: 1, maxBytes: 1 } });
    send(messageTypes.read, 7, ...read);
    send(messageTypes.read, 7, ...read);
  },
};

for (const [what, send] of Object.entries(nonsense)) {
  test(`${what} closes the connection, or is answered with an error, and harms nobody else`, async (t) => {
    const service = await served(t);
    const other = await connected(t, service.addresses[0]!);
    await other.createTopic("a");
    for (const isGreeted of [true, false]) {
      const client = await rudeClient(t, service.addresses[0]!);
      if (isGreeted) client.greet();
      if (isGreeted) await until(() => client.messages.length === 1);
      send(client);
      await until(() => client.isClosed || client.messages.some(({ type }) => type === messageTypes.error));
      if (!isGreeted && what !== "a second greeting") await client.closed();
    }
    t.true(await isServed(t, service.addresses[0]!));
    t.is(({} as { polluted?: number }).polluted, undefined);
    t.deepEqual(
      (await other.listTopics()).filter((name) => name === "a"),
      ["a"],
    );
  });
}

test("a WebSocket's flood of fragments, its text and its oversized messages close it", async (t) => {
  const service = await served(t, { listeners: [{ websocket: { port: 0 } }] });
  const attacks: ((socket: WebSocket) => void)[] = [
    (socket) => {
      for (let i = 0; i < 100; i++) socket.send(Buffer.alloc(1), { fin: false });
    },
    (socket) => socket.send("text"),
    (socket) => socket.send(Buffer.alloc(2 << 20)),
  ];
  for (const attack of attacks) {
    const socket = new WebSocket(service.addresses[0]!);
    socket.on("error", () => {});
    socket.on("open", () => attack(socket));
    await new Promise((resolve) => socket.once("close", resolve));
  }
  t.true(await isServed(t, service.addresses[0]!));
});
