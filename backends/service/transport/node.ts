import { readFile } from "node:fs/promises";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { dirname, isAbsolute, join } from "node:path";
import { connect as connectTls } from "node:tls";
import { SluiceError } from "../../../src/model/errors.ts";
import { decodeObject } from "../protocol/boundedJson.ts";
import { unreachable } from "../protocol/peer.ts";
import type { Wire } from "../protocol/wire.ts";
import { defaultPort, type ClientTls } from "./dial.ts";
import { ReadBuffer } from "./readBuffer.ts";
import { socketWire } from "./socketWire.ts";
import { webSocketWire } from "./webSocketWire.ts";

/** Opens a wire over TCP, TLS, a Unix socket or WebSocket. */
export function dial(address: string, tls: ClientTls | undefined): Promise<Wire> {
  if (/^wss?:/.test(address)) return dialWebSocket(address, tls);
  if (address.startsWith("unix:"))
    return dialSocket(address, (reads) => connectSocket({ path: address.slice("unix:".length), ...reads }));
  const { hostname, port } = new URL(address.replace(/^sluices?:/, "http:"));
  const at = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (address.endsWith(":80") ? 80 : defaultPort)),
  };
  if (!address.startsWith("sluices:")) return dialSocket(address, (reads) => connectSocket({ ...at, ...reads }));
  const servername = tls?.servername ?? (isIP(at.host) === 0 ? at.host : "");
  return dialSocket(address, (reads) => connectTls({ ...at, ...pems(tls), servername, ...reads }), "secureConnect");
}

/** Reads the addresses out of a group file, as `serve` writes it. */
export async function readGroupFile(path: string): Promise<readonly string[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw unreachable(`The group file "${path}" cannot be read: is the service running?`, cause);
  }
  const { members } = decodeObject(bytes);
  const addresses = (Array.isArray(members) ? members : []).flatMap((member: unknown) => {
    const { addresses: its } = (member ?? {}) as { addresses?: unknown };
    return Array.isArray(its) ? its.filter((each) => typeof each === "string") : [];
  });
  if (addresses.length === 0) {
    throw new SluiceError("ERR_PROTOCOL", `The group file "${path}" names no member of a service`);
  }
  return addresses.map((address) => fromFolderOf(path, address));
}

/** A Unix socket is given relative to the folder of the file that names it. */
function fromFolderOf(file: string, address: string): string {
  if (!address.startsWith("unix:")) return address;
  const path = address.slice("unix:".length);
  return isAbsolute(path) ? address : `unix:${join(dirname(file), path)}`;
}

function dialSocket(
  address: string,
  open: (reads: Pick<ReadBuffer, "onread">) => Socket,
  ready = "connect",
): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const reads = new ReadBuffer();
    const socket = open({ onread: reads.onread });
    const failed = (error: Error) => {
      socket.destroy();
      reject(unreachable(`No connection could be made to ${address}: ${error.message || error.name}`, error));
    };
    socket.once("error", failed);
    socket.once(ready, () => {
      socket.off("error", failed);
      resolve(socketWire(socket, address, reads));
    });
  });
}

async function dialWebSocket(address: string, tls: ClientTls | undefined): Promise<Wire> {
  const { WebSocket } = await import("ws");
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, {
      ...pems(tls),
      ...(tls?.servername !== undefined && { servername: tls.servername }),
      perMessageDeflate: false,
      maxPayload: 4 << 20,
    });
    socket.once("open", () => {
      socket.removeAllListeners();
      resolve(webSocketWire(socket, address));
    });
    socket.once("unexpected-response", (_request, response) => {
      reject(refusedWith(address, response.statusCode ?? 0));
      socket.on("error", () => {}); // Since it never was open, ws tells that it is closed now.
      socket.terminate();
    });
    socket.once("error", (error) =>
      reject(unreachable(`No connection could be made to ${address}: ${error.message}`, error)),
    );
  });
}

function refusedWith(address: string, status: number): SluiceError {
  const code = status === 401 ? "ERR_UNAUTHORIZED" : "ERR_REFUSED";
  return new SluiceError(code, `${address} refuses the connection with status ${status}`, { details: { status } });
}

function pems({ ca, cert, key }: ClientTls = {}): { ca?: string; cert?: string; key?: string } {
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}
