import { Worker } from "node:worker_threads";

/** What the thread is to do. */
export interface CompressionTask {
  readonly id: number;
  readonly does: "compress" | "decompress";
  /** The number that the protocol gives to the way of it. */
  readonly bits: number;
  readonly bytes: Uint8Array;
}

/** What has become of it. */
export type CompressionAnswer =
  | { readonly id: number; readonly bytes: Uint8Array }
  | { readonly id: number; readonly problem: string };

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Compresses and takes apart what Node.js cannot by itself, on a thread of its own, which is started when it is needed first. It
 * keeps the process alive only while somebody waits for it.
 */
export class CompressionThread {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #ids = 0;

  /** Does something with bytes, and answers with others. What is given stays as it is. */
  run(does: CompressionTask["does"], bits: number, bytes: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#start());
      const id = this.#ids++;
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      const own = bytes.slice(); // What is handed over is gone here, and these bytes are a part of something larger.
      worker.postMessage({ id, does, bits, bytes: own } satisfies CompressionTask, [own.buffer]);
    });
  }

  /** Ends the thread. What it has not done fails. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // A URL in a string is not rewritten by the compiler: the worker has the extension that this file has.
    const extension = new URL(import.meta.url).pathname.endsWith(".ts") ? ".ts" : ".js";
    const url = new URL(`./compressionWorker${extension}`, import.meta.url);
    const worker = new Worker(url, { name: "sluice-compression", execArgv: [] });
    worker.on("message", (answer: CompressionAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (this.#waiting.size === 0) worker.unref();
      if ("bytes" in answer) waiting?.resolve(answer.bytes);
      else waiting?.reject(new Error(answer.problem));
    });
    worker.on("error", (error) => this.#fail(worker, error as Error));
    worker.on("exit", (code) => this.#fail(worker, new Error(`The thread that compresses has ended with ${code}`)));
    return worker;
  }

  /** What is under way fails, and the next task starts another thread. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
