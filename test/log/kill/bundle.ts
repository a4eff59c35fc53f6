import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/**
 * Makes one plain file of a program and all that it imports, so that a process of it starts in a fraction of the time.
 *
 * @param entry - The program.
 * @param target - The file to make, which ends in `.mjs`.
 */
export async function bundle(entry: URL, target: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile: target,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["sluice-source"],
    external: ["@node-rs/crc32", "bufferutil", "utf-8-validate"], // Optional, and not of JavaScript: done without.
    logLevel: "error",
  });
}
