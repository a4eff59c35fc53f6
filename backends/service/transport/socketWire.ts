import type { Socket } from "node:net";
import { joinParts } from "./joinParts.ts";
import type { ReadBuffer } from "./readBuffer.ts";
import type { Wire, WireEvents } from "../protocol/wire.ts";

/** As many bytes are copied in less time than it takes to hand on one more part. */
const smallBytes = 4096;

/**
 * A wire over a TCP, TLS or Unix socket that is connected.
 *
 * @param reads - What the socket reads into, where it was opened with such a buffer.
 */
export function socketWire(socket: Socket, peer: string, reads?: ReadBuffer): Wire {
  if ("setNoDelay" in socket) socket.setNoDelay(true);
  return {
    peer,
    get buffered() {
      return socket.writableLength;
    },
    listen({ bytes, drained, closed }: WireEvents) {
      let failure: Error | undefined;
      if (reads === undefined) socket.on("data", bytes);
      else reads.listen(bytes);
      socket.on("drain", drained);
      socket.on("error", (error) => (failure = error));
      socket.on("end", () => socket.destroySoon());
      socket.on("close", () => closed(failure));
    },
    write(parts, gone) {
      const joined = joinParts(parts, smallBytes);
      const written = gone && ((error?: Error | null) => error ?? gone());
      if (joined.length === 1) return socket.write(joined[0]!, written);
      socket.cork(); // So that all parts leave in one call of the system.
      let hasRoom = true;
      const last = joined.length - 1;
      joined.forEach((part, i) => (hasRoom = socket.write(part, i === last ? written : undefined)));
      socket.uncork();
      return hasRoom;
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => socket.destroySoon(),
    destroy: () => void socket.destroy(),
  };
}
