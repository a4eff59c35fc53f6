/**
 * Compiles a block of addresses: `10.0.0.0/24` or `2001:db8::/32`.
 *
 * @returns A function that tells whether a text is an address of the block, or undefined when the block is malformed.
 * An IPv4 address is never in an IPv6 block, nor the other way round.
 * @internal
 */
export function cidr(block: string): ((address: string) => boolean) | undefined {
  const [, network = "", length = ""] = /^([^/]+)\/(\d{1,3})$/.exec(block) ?? [];
  const base = parseAddress(network);
  const bits = Number(length);
  if (base === undefined || bits > base.length * 8) return undefined;
  return (address) => {
    const bytes = parseAddress(address);
    return bytes !== undefined && bytes.length === base.length && samePrefix(base, bytes, bits);
  };
}

/** The 4 or 16 bytes of an address, undefined when it is none. */
function parseAddress(text: string): readonly number[] | undefined {
  // The longest address has 45 characters, so nothing long is ever taken apart.
  if (text.length > 45) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  // A leading zero is refused: some programs read 010 as eight.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  if (halves.length === 1) return head?.length === 16 ? head : undefined;
  const tail = parseGroups(halves[1] ?? "", true);
  // "::" stands for at least one group of zeros.
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array.from({ length: 16 - head.length - tail.length }, () => 0), ...tail];
}

function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const parsed = isEnd && index === groups.length - 1 && group.includes(".") ? parseIpv4(group) : parseGroup(group);
    if (parsed === undefined) return undefined;
    bytes.push(...parsed);
  }
  return bytes;
}

function parseGroup(group: string): number[] | undefined {
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}

function samePrefix(one: readonly number[], other: readonly number[], bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) {
    if (one[index] !== other[index]) return false;
  }
  const rest = bits & 7;
  return rest === 0 || ((one[whole] ?? 0) ^ (other[whole] ?? 0)) >> (8 - rest) === 0;
}
