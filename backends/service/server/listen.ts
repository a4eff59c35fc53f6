import { chmod, lstat, unlink } from "node:fs/promises";
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
} from "node:http";
import { createServer as createHttps } from "node:https";
import { connect, createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTls, Server as TlsServer } from "node:tls";
import type { Duplex } from "node:stream";
import { isMainThread } from "node:worker_threads";
import { WebSocketServer } from "ws";
import { SluiceError } from "../../../src/model/errors.ts";
import type { Wire } from "../protocol/wire.ts";
import { defaultPort } from "../transport/dial.ts";
import { acceptedWire } from "../transport/acceptedWire.ts";
import { socketWire } from "../transport/socketWire.ts";
import { webSocketWire } from "../transport/webSocketWire.ts";
import type { CheckedOptions, Listener, ServiceTls, TcpListener, UnixListener, WebSocketListener } from "./options.ts";
import type { Origin } from "./serviceConnection.ts";

/** Takes a connection that somebody has opened. */
export type Accept = (wire: Wire, origin: Origin) => void;

/** An open listener. */
export interface Listening {
  /** Where clients reach it. */
  readonly address: string;
  /** The origins of pages that it serves itself. */
  readonly origins: readonly string[];
  /** Shows another certificate to those who connect from now on. Nothing where there is no TLS. */
  changeTls(tls: ServiceTls): void;
  /** Takes no more connections. */
  close(): Promise<void>;
}

/** Opens one listener. Rejects with what the system says when it cannot. */
export function listen(
  listener: Listener,
  options: CheckedOptions,
  isAllowed: (origin: string) => boolean,
  accept: Accept,
): Promise<Listening> {
  if ("unix" in listener) return listenUnix(listener, accept);
  if ("tcp" in listener) return listenTcp(listener, options, accept);
  return listenWebSocket(listener, options, isAllowed, accept);
}

async function listenTcp({ tcp }: TcpListener, { tls, limits }: CheckedOptions, accept: Accept): Promise<Listening> {
  const { host = "127.0.0.1", port = defaultPort } = tcp;
  const take = (wireOf: typeof acceptedWire) => (socket: Socket) =>
    accept(wireOf(socket, socket.remoteAddress ?? "?"), originOf(socket));
  const server =
    tls === undefined
      ? createTcp({ pauseOnConnect: true }, take(acceptedWire))
      : createTls(
          { ...tls, ...(tls.ca !== undefined && { requestCert: true }), handshakeTimeout: limits.handshake },
          take(socketWire),
        );
  server.on("tlsClientError", () => {}); // Somebody who cannot shake hands; the socket is closed already.
  const address = await open(server, { host, port });
  return {
    address: `${tls === undefined ? "sluice" : "sluices"}://${address}`,
    origins: [],
    changeTls: (changed) => changeTls(server, changed),
    close: () => shut(server),
  };
}

async function listenUnix({ unix: { path } }: UnixListener, accept: Accept): Promise<Listening> {
  await removeDead(path);
  const take = (socket: Socket) => accept(acceptedWire(socket, path), { address: path, token: undefined });
  const server = createTcp({ pauseOnConnect: true }, take);
  // The file must not be open to others for a moment either. A worker thread may not say so, and closes it right behind.
  const before = isMainThread ? process.umask(0o177) : undefined;
  const opening = open(server, { path });
  if (before !== undefined) process.umask(before);
  await opening;
  await chmod(path, 0o600);
  return { address: `unix:${path}`, origins: [], changeTls: () => {}, close: () => shut(server) };
}

async function listenWebSocket(
  { websocket }: WebSocketListener,
  { tls, limits }: CheckedOptions,
  isAllowed: (origin: string) => boolean,
  accept: Accept,
): Promise<Listening> {
  const { host = "127.0.0.1", port = defaultPort + 1, path = "/", request = notFound } = websocket;
  const times = {
    headersTimeout: limits.handshake,
    requestTimeout: 10 * limits.handshake,
    connectionsCheckingInterval: limits.handshake / 2,
  };
  const server =
    tls === undefined
      ? createHttp(times, request)
      : createHttps({ ...tls, ...times, handshakeTimeout: limits.handshake }, request);
  server.maxHeadersCount = 100;
  const sockets = new WebSocketServer({
    noServer: true,
    path,
    perMessageDeflate: false,
    maxPayload: 1 << 20,
    maxFragments: 64,
    maxBufferedChunks: 1024,
    clientTracking: false,
  });
  server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {}); // It may be reset while it is being refused.
    const { origin, authorization } = message.headers;
    if (origin !== undefined && !isAllowed(origin)) return refuse(socket, 403);
    if (!sockets.shouldHandle(message)) return refuse(socket, 404);
    const from = { ...originOf(message.socket), token: bearer(authorization) };
    sockets.handleUpgrade(message, socket, head, (webSocket) => accept(webSocketWire(webSocket, from.address), from));
  });
  const address = await open(server, { host, port });
  const [scheme, web] = tls === undefined ? ["ws", "http"] : ["wss", "https"];
  const origins = [address, address.replace(/^.*(?=:\d+$)/, "localhost")].map((each) => `${web}://${each}`);
  return {
    address: `${scheme}://${address}${path === "/" ? "" : path}`,
    origins,
    changeTls: (changed) => changeTls(server, changed),
    close: () => shut(server),
  };
}

function open(server: Server, at: { host: string; port: number } | { path: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => {
      server.off("error", reject);
      server.on("error", () => {}); // A connection that could not be accepted must not take the service down.
      const { address, port, family } = server.address() as AddressInfo;
      resolve(family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`);
    });
  });
}

function changeTls(server: Server | HttpServer, tls: ServiceTls): void {
  if (server instanceof TlsServer) server.setSecureContext({ ...tls });
}

function shut(server: Server | HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeIdleConnections();
  });
}

/** Removes the file of a socket that nobody listens at. @throws SluiceError `ERR_LOCKED` when somebody does. */
async function removeDead(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) throw new SluiceError("ERR_LOCKED", `"${path}" is there already, and is no socket`);
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
  if (isAlive) throw new SluiceError("ERR_LOCKED", `Somebody listens at "${path}" already`);
  await unlink(path);
}

function originOf(socket: Socket): Origin {
  return { address: socket.remoteAddress ?? "?", token: undefined };
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,4096})$/.exec(authorization ?? "")?.[1];
}

function refuse(socket: Duplex, status: 403 | 404): void {
  socket.end(
    `HTTP/1.1 ${status} ${status === 403 ? "Forbidden" : "Not Found"}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}

const notFound: RequestListener = (_request, response) => {
  response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
};
