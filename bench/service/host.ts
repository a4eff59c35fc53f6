import { createServer } from "node:net";
import { logBackend } from "sluice/backends/log";
import { memoryBackend } from "sluice/backends/memory";
import { serve } from "sluice/backends/service/server";

// The other process: a service with all kinds of listeners, or a bare socket that counts bytes and answers at the end.
const [kind = "memory", folder = ""] = process.argv.slice(2);

if (kind === "bare") {
  // The first 8 bytes say how many follow; a byte comes back when they are here.
  const server = createServer((socket) => {
    let missing = -1;
    socket.on("data", (chunk) => {
      const start = missing < 0 ? 8 : 0;
      if (missing < 0) missing = Number(chunk.readBigUInt64LE(0));
      missing -= chunk.length - start;
      if (missing === 0) socket.write("!");
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1", () =>
    process.send!([`sluice://127.0.0.1:${(server.address() as { port: number }).port}`]),
  );
} else {
  const backend = kind === "log" ? await logBackend(`${folder}/log`, {}) : memoryBackend();
  const service = await serve({
    backend,
    listeners: [{ tcp: { port: 0 } }, { unix: { path: `${folder}/socket` } }, { websocket: { port: 0 } }],
  });
  process.on("message", (message) => {
    if (message !== "memory") return;
    (globalThis as { gc?: () => void }).gc?.();
    process.send!(process.memoryUsage.rss());
  });
  process.send!(service.addresses);
}
process.on("disconnect", () => process.exit(0));
