import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** One figure: what was measured, in which unit, and how it spread over the runs. */
export interface Figure {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** The median against that of the group's baseline; above 1 is better than it. */
  readonly ratio?: number | undefined;
  /** What the ratio is aimed at, where there is an aim. */
  readonly aim?: string | undefined;
}

/** One of the sides that a group compares. */
export interface Contender {
  readonly name: string;
  /** Does the work once and returns the figure. */
  readonly run: () => number | Promise<number>;
  /** What this side is aimed at, for the table. */
  readonly aim?: string;
}

/** How a group is measured. */
export interface GroupOptions {
  readonly unit: string;
  /** Runs of each side that count, taken in rounds so that a slow moment of the machine meets all of them. @default 7 */
  readonly runs?: number;
  /** Rounds before them that do not count. Work of few calls needs more of them until the compiler has seen it often enough. @default 1 */
  readonly warmUps?: number;
  /** The side that the others are held against. @default none */
  readonly baseline?: string;
  /** Whether a larger figure is the better one. @default "larger" */
  readonly better?: "larger" | "smaller";
}

/**
 * Measures the sides of one group in rounds, after those that do not count. Each round has an order of its own: what one
 * side leaves behind for the collector to clear up must not always be at the cost of the same other side.
 */
export async function compare(
  group: string,
  contenders: readonly Contender[],
  options: GroupOptions,
): Promise<Figure[]> {
  const { unit, runs = 7, warmUps = 1, baseline, better = "larger" } = options;
  const taken = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let run = -warmUps; run < runs; run++) {
    for (const { name, run: work } of shuffled(contenders, run + warmUps)) {
      // No collection is forced between runs: it shrinks V8's young generation, and the next run pays for its growing again.
      const figure = await work();
      if (run >= 0) taken.get(name)!.push(figure);
    }
  }
  const base = baseline === undefined ? undefined : median(taken.get(baseline)!);
  return contenders.map(({ name, aim }) => {
    const figures = taken.get(name)!.toSorted((a, b) => a - b);
    const middle = median(figures);
    const ratio =
      base === undefined || name === baseline ? undefined : better === "larger" ? middle / base : base / middle;
    return { group, name, unit, min: figures[0]!, median: middle, max: figures.at(-1)!, ratio, aim };
  });
}

/** The contenders in an order that is another in each round, and the same whenever the benchmark is run. */
function shuffled<T>(contenders: readonly T[], round: number): T[] {
  const places = contenders.map((contender, i) => ({ contender, place: (Math.sin(1 + i * 7 + round * 13) * 1e4) % 1 }));
  return places.toSorted((a, b) => a.place - b.place).map(({ contender }) => contender);
}

/** A figure that was taken once, or whose spread was taken elsewhere. */
export function single(group: string, name: string, unit: string, value: number, aim?: string): Figure {
  return { group, name, unit, min: value, median: value, max: value, aim };
}

/** The middle of some figures. */
export function median(figures: readonly number[]): number {
  return percentile(figures, 0.5);
}

/** The figure below which a share of all figures lies. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** Frees what is not in use, so that what is can be measured; where Node was started with `--expose-gc`. */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Seconds that some work takes. */
export async function secondsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Says on what and how the figures were taken. */
export function machine(): Record<string, string> {
  return {
    processor: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    node: process.version,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch}`,
    durability: "memory, except where a group says otherwise",
    command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`,
    date: new Date().toISOString(),
  };
}

/** Prints one group as a table. */
export function printGroup(figures: readonly Figure[]): void {
  const rows = figures.map(({ name, unit, min, median: middle, max, ratio, aim }) => [
    name,
    `${readable(middle)} ${unit}`,
    `${readable(min)} to ${readable(max)}`,
    ratio === undefined ? "" : `x ${ratio.toFixed(2)}`,
    aim === undefined ? "" : `aim ${aim}`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  console.log(`\n${figures[0]?.group ?? ""}`);
  for (const row of rows)
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd()}`,
    );
}

/** Writes all figures with the machine they were taken on, and returns the path. */
export function writeResults(figures: readonly Figure[]): string {
  const directory = new URL("./results/", import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`${new Date().toISOString().replaceAll(":", "-")}.json`, directory);
  writeFileSync(file, `${JSON.stringify({ machine: machine(), figures }, null, 2)}\n`);
  return `bench/results/${file.pathname.split("/").at(-1)}`;
}

function readable(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  if (value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}
