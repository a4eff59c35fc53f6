/**
 * Puts small parts that follow each other together: each part that is handed on costs more than copying so few bytes.
 *
 * @param parts - What is to be written, in order.
 * @param largest - Parts of at least as many bytes stay as they are, and none becomes larger by being put together.
 */
export function joinParts(parts: readonly Uint8Array[], largest: number): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let first = 0;
  let bytes = 0;
  for (let i = 0; i < parts.length; i++) {
    const { length } = parts[i]!;
    if (bytes + length > largest) {
      append(joined, parts, first, i, bytes);
      first = i;
      bytes = 0;
    }
    bytes += length;
  }
  append(joined, parts, first, parts.length, bytes);
  return joined;
}

function append(to: Uint8Array[], parts: readonly Uint8Array[], first: number, end: number, bytes: number): void {
  if (bytes === 0) return;
  if (end - first === 1) return void to.push(parts[first]!);
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (let i = first; i < end; i++) {
    whole.set(parts[i]!, offset);
    offset += parts[i]!.length;
  }
  to.push(whole);
}
