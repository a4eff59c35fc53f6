import type { Readable } from "node:stream";

/** A stream that ends when it is asked to, also while it is waiting for somebody to type. */
export async function* untilStopped(stream: Readable, stopping: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => void stream.destroy();
  stopping.addEventListener("abort", stop);
  try {
    for await (const chunk of stream) yield typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    stopping.removeEventListener("abort", stop);
  }
}
