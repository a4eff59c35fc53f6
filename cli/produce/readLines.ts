/** One line of the input. */
export interface Line {
  /** Where it comes from: a path, or `-` for stdin. */
  readonly source: string;
  /** Its number in there, from 1. */
  readonly number: number;
  /** Its bytes, without the line break. Cut short where it is too long. */
  readonly bytes: Uint8Array;
  /** Why it cannot be used. */
  readonly problem?: string | undefined;
}

/** How lines are read. */
export interface ReadLinesOptions {
  /** Where they come from, for messages. */
  readonly source: string;
  /** The longest line, in bytes. A longer one is a line with a problem, of which this much is kept. @default 16 MiB */
  readonly maxBytes?: number | undefined;
}

const lineBreak = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits bytes into lines. A carriage return before the line break is left out, and the last line needs no line break. No more
 * than one line of the longest kind is held.
 *
 * @param chunks - The bytes, as they come.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  { source, maxBytes = 16 * 1024 * 1024 }: ReadLinesOptions,
): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  const take = (): Line => {
    const bytes = join(parts, Math.min(size, maxBytes));
    const problem = size > maxBytes ? `it is longer than ${maxBytes} bytes` : undefined;
    parts = [];
    size = 0;
    return { source, number: ++number, bytes, problem };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineBreak); end >= 0; end = chunk.indexOf(lineBreak, start)) {
      add(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (size > 0) yield take();

  function add(part: Uint8Array): void {
    if (part.length === 0) return;
    // What is beyond the bound is counted, not kept. The line may continue for ever.
    if (size <= maxBytes) parts.push(part);
    size += part.length;
  }
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = parts;
  let bytes = only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
  if (bytes.length > size) bytes = bytes.subarray(0, size);
  return bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
}
