/** What each code of the operating system says of a path or address, in words. */
const sentences: Readonly<Record<string, (where: string) => string>> = {
  ENOENT: (path) => `There is no file or directory ${path}`,
  ENOTDIR: (path) => `A part of ${path} is no directory`,
  EISDIR: (path) => `${path} is a directory`,
  EACCES: (path) => `This user may not use ${path}`,
  EPERM: (path) => `This user may not use ${path}`,
  ENOSPC: (path) => `The disk of ${path} is full`,
  EADDRINUSE: (address) => `Another program listens at ${address} already`,
  EADDRNOTAVAIL: (address) => `This machine does not have the address ${address}`,
};

/**
 * An error of the operating system as a sentence that names the path or address.
 *
 * @param error - Anything that was thrown.
 * @returns The sentence, or `undefined` when it is another error or names nothing.
 */
export function systemMessage(error: unknown): string | undefined {
  const { code, path, address, port } = (error ?? {}) as Record<string, unknown>;
  const sentence = typeof code === "string" && Object.hasOwn(sentences, code) ? sentences[code] : undefined;
  const where = typeof path === "string" ? path : addressOf(address, port);
  return where === undefined ? undefined : sentence?.(where);
}

function addressOf(address: unknown, port: unknown): string | undefined {
  if (typeof address !== "string") return undefined;
  return typeof port === "number" && port >= 0 ? `${address}:${port}` : address;
}
