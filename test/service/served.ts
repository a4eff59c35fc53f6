import type { ExecutionContext } from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { serve, type ServeOptions, type Service } from "../../backends/service/server/index.ts";
import { connect, type Backend, type Driver } from "../../src/index.ts";

/** A service of a memory backend, or whatever the options say, that ends with the test. */
export async function served(t: ExecutionContext, options: Partial<ServeOptions> = {}): Promise<Service> {
  const service = await serve({ backend: memoryBackend(), listeners: [{ tcp: { port: 0 } }], ...options });
  t.teardown(() => service.close({ deadline: 0 }));
  return service;
}

/**
 * A service at a port where another one was. A client that looks for it there may come out at itself for a moment, by a whim of
 * TCP, or any other program have the port: then it is tried again.
 */
export async function serveAt(port: number, backend: Backend): Promise<Service> {
  let service: Service | undefined;
  await until(async () => {
    try {
      service = await serve({ backend, listeners: [{ tcp: { port } }] });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
    return service !== undefined;
  });
  return service!;
}

/** A driver that is closed with the test. */
export async function connected(t: ExecutionContext, url: string, options: object = {}): Promise<Driver> {
  const driver = await connect(url, { minDelay: 1, maxDelay: 20, ...options });
  t.teardown(() => Promise.allSettled([driver.close({ deadline: 0 })])); // It may tell once more what a test has made fail.
  return driver;
}

/** The port of an address. */
export function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)![1]);
}

/** Waits until a condition is true. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error("Waited a minute in vain");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
