import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Where a proxy leads, and when it cuts. */
export interface CuttingProxyOptions {
  /** The port of the service on this machine. */
  readonly target: number;
  /** After how many bytes, in both directions together, the next connection is cut. Infinity never cuts. */
  readonly bytes: () => number;
  /** `"cut"` resets both sides; `"silence"` lets nothing through any more and says nothing. @default "cut" */
  readonly how?: () => "cut" | "silence";
}

/** A TCP proxy in this process that breaks connections at chosen bytes. */
export interface CuttingProxy {
  readonly port: number;
  /** How many connections it has broken. */
  readonly cuts: number;
  /** Breaks no more. */
  spare(): void;
  close(): Promise<void>;
}

/** Opens a proxy. */
export async function cuttingProxy({ target, bytes, how = () => "cut" }: CuttingProxyOptions): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let isSparing = false;
  const server = createServer((client) => {
    const service = connect(target, "127.0.0.1");
    let left = bytes();
    let isBroken = false;
    const breakOff = () => {
      isBroken = true;
      cuts++;
      if (how() === "silence") return;
      client.resetAndDestroy();
      service.resetAndDestroy();
    };
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (chunk) => {
        if (isBroken) return;
        const passed = isSparing ? chunk.length : Math.min(chunk.length, left);
        left -= isSparing ? 0 : passed;
        to.write(chunk.subarray(0, passed)); // What was cut behind its last byte has that byte arrive, or not.
        if (left <= 0) breakOff();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get cuts() {
      return cuts;
    },
    spare: () => void (isSparing = true),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
