import { Socket } from "node:net";
import type { Wire } from "../protocol/wire.ts";
import { ReadBuffer } from "./readBuffer.ts";
import { socketWire } from "./socketWire.ts";

/**
 * A wire over a TCP or Unix socket that a server has accepted with `pauseOnConnect`. Node lets a socket that connects read into a
 * buffer of its owner's, and not one that is accepted; so another socket is made around the same handle. The handle is no
 * part of Node's documented interface: where there is none, the socket is read as any other.
 *
 * @param accepted - The socket. Its server counts it until the wire is closed.
 * @param peer - Who is at the other end, for people.
 */
export function acceptedWire(accepted: Socket, peer: string): Wire {
  const { _handle: handle } = accepted as { readonly _handle?: object | null };
  if (handle === undefined || handle === null) {
    accepted.resume();
    return socketWire(accepted, peer);
  }
  const reads = new ReadBuffer();
  const socket = new Socket({ handle, onread: reads.onread } as ConstructorParameters<typeof Socket>[0]);
  socket.once("close", () => accepted.destroy());
  return socketWire(socket, peer, reads);
}
