import { connect } from "node:net";

/** Writes the same bytes so many times through a bare socket, and resolves when the other process says that all are there. */
export function pipeBare(address: string, piece: Uint8Array, times: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(/:(\d+)$/.exec(address)![1]), "127.0.0.1");
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(piece.length) * BigInt(times));
    socket.write(head);
    let left = times;
    const write = () => {
      while (left > 0) {
        left--;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", write).on("error", reject);
    socket.once("data", () => {
      socket.destroy();
      resolve();
    });
    write();
  });
}
