/** A notice of the General Coordinates Network in its text form. */
export interface GcnNotice {
  /** The notice as it was sent. */
  readonly text: string;
  /** Its fields by their names in lower case. A field that is repeated, or goes on, has several lines. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Reads a notice of GCN: lines of `NAME: value`. A line without a name goes on with the one before it, as in hop.
 *
 * @param text - The notice.
 * @returns The notice with its fields.
 *
 * @example
 * ```ts no-run
 * import { parseGcnNotice } from "sluice/backends/kafka";
 *
 * console.log(parseGcnNotice("TITLE: GCN/SWIFT NOTICE\nTRIGGER_NUM: 1").fields["trigger_num"]); // 1
 * ```
 */
export function parseGcnNotice(text: string): GcnNotice {
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const line of text.trim().split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(":");
    if (colon >= 0) last = line.slice(0, colon).trim().toLowerCase();
    if (last === undefined) continue;
    const value = colon >= 0 ? line.slice(colon + 1).trim() : line.trimStart();
    const before = fields.get(last);
    fields.set(last, before === undefined ? value : `${before}\n${value}`);
  }
  return { text, fields: Object.fromEntries(fields) };
}

/**
 * Writes fields as a notice of GCN.
 *
 * @param fields - The fields by their names.
 * @returns The text: a line for each line of a value.
 *
 * @example
 * ```ts no-run
 * import { formatGcnNotice } from "sluice/backends/kafka";
 *
 * console.log(formatGcnNotice({ title: "GCN/SWIFT NOTICE", trigger_num: "1" }));
 * ```
 */
export function formatGcnNotice(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value.split("\n").map((line) => `${`${name.toUpperCase()}:`.padEnd(17)}${line}\n`),
  );
  return lines.join("");
}
