import type { StartFrom, Until } from "sluice";
import { CommandError } from "../commandError.ts";

const unitsInMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads where to start: `earliest`, `latest`, an id, `last:n`, a time (ISO 8601), or a time ago (`90s`, `10m`, `2h`, `7d`).
 *
 * @param text - What the user wrote.
 * @param now - The present, in milliseconds since 1970.
 */
export function parseStart(text: string, now: number): StartFrom {
  if (text === "earliest" || text === "latest") return text;
  if (/^\d+$/.test(text)) return Number(text);
  const last = /^last:(\d+)$/.exec(text)?.[1];
  if (last !== undefined) return { last: Number(last) };
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(now - Number(amount) * unitsInMs[unit!]!);
  const time = Date.parse(text);
  // "2026" alone is an id, and a date without its dashes is most likely a mistake.
  if (/^\d{4}-\d{2}/.test(text) && !Number.isNaN(time)) return new Date(time);
  throw new CommandError(
    `--from must be earliest, latest, an id, last:n, a time such as 2026-11-25T10:00:00Z, or 10m: it is "${text}"`,
  );
}

/** Reads when to end: `end`, or `idle:ms`. */
export function parseUntil(text: string): Until {
  if (text === "end") return text;
  const idle = /^idle:(\d+)$/.exec(text)?.[1];
  if (idle !== undefined) return { idle: Number(idle) };
  throw new CommandError(`--until must be end or idle:ms: it is "${text}"`);
}
