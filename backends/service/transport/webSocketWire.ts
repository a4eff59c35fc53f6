import { joinParts } from "./joinParts.ts";
import type { Wire, WireEvents } from "../protocol/wire.ts";

/** As much of a WebSocket as a wire needs; that of a browser and that of `ws` have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  /** Only `ws` calls back once the data has gone. */
  send(data: Uint8Array<ArrayBuffer>, gone?: (error?: Error | null) => void): void;
  close(code?: number): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close" | "error", listener: (event: object) => void): void;
  /** Only `ws` has these. */
  pause?(): void;
  resume?(): void;
  terminate?(): void;
}

/** Small parts are put together until there are as many bytes: a WebSocket's message costs more than copying them. */
const messageBytes = 32 * 1024;
/** Bytes that may wait before the sender has to. */
const highWater = 1 << 20;
/** Milliseconds between two looks at whether they have gone: a browser does not tell. */
const lookMs = 4;

/** A wire over a WebSocket that is open. Its messages are pieces of one stream of bytes, cut wherever it suits. */
export function webSocketWire(socket: WebSocketLike, peer: string): Wire {
  let events: WireEvents | undefined;
  let isClosed = false;
  let looking: ReturnType<typeof setTimeout> | undefined;
  socket.binaryType = socket.terminate === undefined ? "arraybuffer" : "nodebuffer"; // ws would copy each message otherwise.

  function close(error: Error | undefined): void {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(looking);
    events?.closed(error);
  }

  function look(): void {
    looking = undefined;
    if (isClosed) return;
    if (socket.bufferedAmount < highWater / 2) events?.drained();
    else looking = setTimeout(look, lookMs);
  }

  return {
    peer,
    get buffered() {
      return socket.bufferedAmount;
    },
    listen(told) {
      events = told;
      socket.addEventListener("message", ({ data }) => {
        if (data instanceof Uint8Array) told.bytes(data);
        else if (data instanceof ArrayBuffer) told.bytes(new Uint8Array(data));
        else this.destroy(); // Text is not part of the protocol.
      });
      socket.addEventListener("error", () => {}); // "close" follows.
      socket.addEventListener("close", () => close(undefined));
    },
    write(parts, gone) {
      const messages = joinParts(parts, messageBytes) as readonly Uint8Array<ArrayBuffer>[];
      const written = gone && ((error?: Error | null) => error ?? gone());
      const last = messages.length - 1;
      messages.forEach((message, i) => socket.send(message, i === last ? written : undefined));
      if (socket.bufferedAmount < highWater) return true;
      looking ??= setTimeout(look, lookMs);
      return false;
    },
    pause: () => socket.pause?.(),
    resume: () => socket.resume?.(),
    end: () => socket.close(1000),
    destroy() {
      if (socket.terminate === undefined) socket.close(1000);
      else socket.terminate();
      close(undefined);
    },
  };
}
