import { connect as dial, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { decodeError } from "../../backends/service/protocol/errorCodec.ts";
import { messageTypes } from "../../backends/service/protocol/frame.ts";
import { FrameDecoder, type Message } from "../../backends/service/protocol/frameDecoder.ts";
import { encodeHello } from "../../backends/service/protocol/handshake.ts";
import type { EventBatch } from "../../src/index.ts";
import { framesOf } from "./frames.ts";
import { connected, portOf, until } from "./served.ts";

/** A session that anybody could guess. */
export const session = "0123456789abcdef0123456789abcdef";

/** What a rude client can do. */
export type RudeClient = Awaited<ReturnType<typeof rudeClient>>;

/** A client that sends what it likes. */
export async function rudeClient(t: ExecutionContext, address: string) {
  const socket: Socket = dial(portOf(address), "127.0.0.1");
  const messages: Message[] = [];
  const decoder = new FrameDecoder({ message: (message) => messages.push(message), admit: () => {} });
  let isClosed = false;
  socket
    .on("error", () => {})
    .on("data", (chunk) => decoder.push(chunk))
    .on("close", () => (isClosed = true));
  t.teardown(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    socket,
    messages,
    send: (type: number, stream: number, ...segments: Uint8Array[]) =>
      void socket.write(framesOf(type, stream, segments)),
    greet: () => void socket.write(framesOf(messageTypes.hello, 0, encodeHello({ session, again: false, joins: [] }))),
    closed: () => until(() => isClosed),
    get isClosed() {
      return isClosed;
    },
    /** The code with which it was shown out. */
    get code() {
      const last = messages.filter(({ type, stream }) => type === messageTypes.error && stream === 0).at(-1);
      return last && decodeError(last.body).code;
    },
  };
}

/** Whether others are served. */
export async function isServed(t: ExecutionContext, address: string): Promise<boolean> {
  const driver = await connected(t, address);
  const name = `probe-${Math.random().toString(36).slice(2)}`;
  const topic = await driver.createTopic<number>(name);
  return (await topic.producer().push(1)) === 0;
}

/** A batch of one event without data. */
export function batch(size = 4): EventBatch {
  return {
    count: 1,
    metadata: new Uint8Array(size).fill(0x31),
    metadataEnds: Uint32Array.of(size),
    timestamps: Float64Array.of(1),
    data: [],
    dataEnds: undefined,
  };
}
