import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { protocolVersion } from "../protocol/frame.ts";

/** Writes the addresses for clients: whole or not at all, and for the owner's eyes alone. */
export async function writeGroupFile(path: string, addresses: readonly string[]): Promise<void> {
  const unfinished = `${path}.${randomBytes(4).toString("hex")}.new`;
  try {
    await writeFile(unfinished, textOf(addresses), { mode: 0o600 });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes the file, unless another service has written its own there meanwhile. */
export async function removeGroupFile(path: string, addresses: readonly string[]): Promise<void> {
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found === textOf(addresses)) await rm(path, { force: true });
}

function textOf(addresses: readonly string[]): string {
  return JSON.stringify({ sluice: protocolVersion, members: [{ rank: 0, addresses }] });
}
