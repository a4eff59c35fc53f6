/** What of an event can be filtered by. */
export interface Filterable {
  /** Its topic. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
  /** Its id. */
  readonly id: number;
  /** Its metadata. */
  readonly metadata: unknown;
}

/**
 * Makes a filter of text. Words must all match: `partition:2`, `id:7`, `energy>20`, `detector=a` (of a field of the metadata, with
 * `.` for fields of fields), and any other word somewhere in the metadata, whatever its case.
 *
 * @param text - What was typed.
 * @returns Whether an event is to be shown.
 */
export function matchEvent(text: string): (event: Filterable) => boolean {
  const tests = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(testOf);
  return (event) => tests.every((test) => test(event));
}

function testOf(word: string): (event: Filterable) => boolean {
  const [, place, number] = /^(partition|id):(\d+)$/.exec(word) ?? [];
  if (place !== undefined) return (event) => event[place as "partition" | "id"] === Number(number);
  const [, path, operator, wanted] = /^([\w.-]+)(>=|<=|!=|=|>|<)(.*)$/.exec(word) ?? [];
  if (path !== undefined && operator !== undefined && wanted !== undefined) {
    return ({ metadata }) => compare(fieldOf(metadata, path.split(".")), operator, wanted);
  }
  const part = word.toLowerCase();
  return ({ topic, metadata }) => topic.toLowerCase().includes(part) || textOf(metadata).toLowerCase().includes(part);
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}

function compare(value: unknown, operator: string, wanted: string): boolean {
  if (operator === "=") return value !== undefined && textOf(value) === wanted;
  if (operator === "!=") return value !== undefined && textOf(value) !== wanted;
  const [left, right] = [Number(value), Number(wanted)];
  if (typeof value !== "number" || wanted === "" || Number.isNaN(right)) return false;
  if (operator === ">") return left > right;
  if (operator === "<") return left < right;
  return operator === ">=" ? left >= right : left <= right;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
