// What runs on the thread of CompressionThread: snappy and lz4, which Node.js does not have, by the WebAssembly of the library.

import { parentPort } from "node:worker_threads";
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";
import type { CompressionAnswer, CompressionTask } from "./compressionThread.ts";

const oneByte = Buffer.of(0);

parentPort!.on("message", ({ id, does, bits, bytes }: CompressionTask) => {
  try {
    const algorithm = compressionsAlgorithmsByBitmask[bits]!;
    const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // The library looks at its memory through a view that is gone once the memory has grown. It takes another one for any input that
    // is longer than the view, and so for none that is empty.
    if (given.length === 0) algorithm.compressSync(oneByte);
    const made = does === "compress" ? algorithm.compressSync(given) : algorithm.decompressSync(given);
    // A copy that is nobody else's memory, so that it can be handed over.
    const answer = new Uint8Array(made);
    parentPort!.postMessage({ id, bytes: answer } satisfies CompressionAnswer, [answer.buffer]);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    parentPort!.postMessage({ id, problem } satisfies CompressionAnswer);
  }
});
