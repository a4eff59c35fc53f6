import { SluiceError } from "../../../src/model/errors.ts";
import type { Wire } from "../protocol/wire.ts";
import { unreachable } from "../protocol/peer.ts";
import { webSocketWire } from "./webSocketWire.ts";

/** Opens a wire from a web page, which can speak WebSocket alone. */
export function dial(address: string): Promise<Wire> {
  if (!/^wss?:/.test(address)) return Promise.reject(onlyWebSocket(address));
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.addEventListener("open", () => resolve(webSocketWire(socket, address)), { once: true });
    socket.addEventListener("error", () => reject(unreachable(`No connection could be made to ${address}`)), {
      once: true,
    });
  });
}

/** Reads the addresses out of a group file; a web page has no files. */
export function readGroupFile(path: string): Promise<readonly string[]> {
  return Promise.reject(new SluiceError("ERR_UNSUPPORTED", `A web page cannot read the group file "${path}"`));
}

function onlyWebSocket(address: string): SluiceError {
  return new SluiceError("ERR_UNSUPPORTED", `A web page reaches a service by ws: or wss: only, and not by ${address}`);
}
