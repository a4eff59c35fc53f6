/** Numbers that break what was not thought through. */
const awkward = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const alphabet = '{}[]",:0123456789.eE+-nulltruefalse\\u ';

/**
 * Makes another input of some that are valid: bits and bytes changed, numbers put in, pieces cut out, doubled, or taken
 * from another one; now and then nothing but noise.
 *
 * @param samples - Valid inputs, at least one.
 * @param random - The dice.
 */
export function mutate(samples: readonly Uint8Array[], random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const sample = samples[below(samples.length)]!;
  const choice = below(16);
  if (choice === 0) return Uint8Array.from({ length: below(200) }, () => below(256));
  if (choice === 1) return sample.slice(0, below(sample.length + 1));
  if (choice === 2) return spliced(sample, samples[below(samples.length)]!, below);
  const bytes = sample.slice();
  if (bytes.length === 0) return bytes;
  const view = new DataView(bytes.buffer);
  for (let changes = 1 + below(choice < 8 ? 1 : 5); changes > 0; changes--) {
    const at = below(bytes.length);
    const kind = below(5);
    if (kind === 0) bytes[at]! ^= 1 << below(8);
    else if (kind === 1) bytes[at] = below(256);
    else if (kind === 2) bytes[at] = alphabet.charCodeAt(below(alphabet.length));
    else if (kind === 3 && at + 4 <= bytes.length) view.setUint32(at & ~3, awkward[below(awkward.length)]!, true);
    else if (kind === 4) bytes.copyWithin(at, below(bytes.length), below(bytes.length));
  }
  return bytes;
}

function spliced(a: Uint8Array, b: Uint8Array, below: (limit: number) => number): Uint8Array {
  const [head, tail] = [a.subarray(0, below(a.length + 1)), b.subarray(below(b.length + 1))];
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
