import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What a proxy does to the connections that go through it. */
export type Mischief =
  | { readonly kind: "none" }
  /** Resets each connection after about so many bytes, either way. */
  | { readonly kind: "reset"; readonly after: number }
  /** After about so many bytes, and half of them at the least, lets requests through and keeps back every answer. */
  | { readonly kind: "drop answers"; readonly after: number };

/** A TCP proxy in front of a broker. */
export interface Proxy {
  readonly port: number;
  /** The port of the broker. */
  target: number;
  mischief: Mischief;
  /** How many connections were reset, or lost their answers. */
  incidents: number;
  close(): void;
}

/** Starts a proxy on loopback. Mischief is done to the connections that there are, and to those that come. */
export async function startProxy(random: () => number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const arms = new Set<() => void>();
  let mischief: Mischief = { kind: "none" };
  const server = createServer((client) => {
    const broker = connect(proxy.target, "127.0.0.1");
    let left = Infinity;
    let isDropping = false;
    const arm = () => {
      if (isDropping) return; // What was kept back is missing in whatever comes after it.
      left = mischief.kind === "none" ? Infinity : Math.ceil(mischief.after * (0.5 + 1.5 * random()));
    };
    arm();
    arms.add(arm);
    const reset = () => {
      client.resetAndDestroy();
      broker.destroy();
    };
    const count = (from: Socket, to: Socket, isAnswer: boolean) => (bytes: Buffer) => {
      left -= bytes.length;
      if (left <= 0) {
        proxy.incidents++;
        // What came before the last byte has arrived: the reset may be in the middle of a message.
        if (mischief.kind === "reset") to.write(bytes.subarray(0, Math.max(0, bytes.length + left)));
        return reset();
      }
      if (isDropping || (isAnswer && mischief.kind === "drop answers" && left < mischief.after / 2)) {
        if (!isDropping) proxy.incidents++;
        isDropping = true;
        if (isAnswer) return;
      }
      if (!to.write(bytes)) from.pause();
    };
    client.on("data", count(client, broker, false));
    broker.on("data", count(broker, client, true));
    client.on("drain", () => broker.resume());
    broker.on("drain", () => client.resume());
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on("error", reset);
      socket.on("close", () => {
        arms.delete(arm);
        sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    target: 0,
    get mischief() {
      return mischief;
    },
    set mischief(next) {
      mischief = next;
      for (const arm of arms) arm();
    },
    incidents: 0,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}
