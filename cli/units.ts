const count = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A number of things as a person reads it: `12,345`. */
export function formatCount(value: number): string {
  return count.format(value);
}

/** A number of things with its noun: `1 event`, `12,345 events`, `2 batches`. */
export function plural(value: number, noun: string): string {
  if (value === 1) return `1 ${noun}`;
  return `${formatCount(value)} ${noun}${noun.endsWith("ch") ? "es" : "s"}`;
}

/** A number of bytes as a person reads it: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
