import { bytes, cut, median, number, percent } from "./format.ts";
import { rectangle, strongMagnitude } from "./middleOfStrong.ts";
import { frameWidth } from "./readFrames.ts";
import type { JobResult } from "./runJob.ts";
import type { Tally } from "./tally.ts";

/** A line of the summary: what is counted, the count, and a remark. */
type Row = readonly [label: string, value: string, remark?: string];

/** Everything that the job has done, as text for a person to read. */
export function summaryOf(result: JobResult): string {
  const sections: readonly (readonly [title: string, rows: readonly Row[]])[] = [
    ["Events", eventRows(result)],
    ["Rejected, by rule", ruleRows(result.tally)],
    ["Batches", batchRows(result.tally)],
    ["Bytes", byteRows(result.tally)],
    ["Rates", rateRows(result.tally)],
  ];
  return sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => [title, ...rows.map(lineOf)].join("\n"))
    .join("\n\n");
}

function lineOf([label, value, remark = ""]: Row): string {
  return `  ${label.padEnd(12)}${value.padStart(12)}   ${remark}`.trimEnd();
}

function eventRows({ tally, quakes, lag }: JobResult): readonly Row[] {
  const { read, skipped, stored, rejected, handled, selected } = tally;
  const { width, height } = rectangle;
  return [
    ["read", number(read), `${number(quakes)} catalogue entries, each time with another frame`],
    ...(skipped > 0 ? [["already there", number(skipped), "stored by an earlier run"] as const] : []),
    ["stored", number(stored)],
    ["rejected", number(rejected), percent(rejected, read)],
    ["handled", number(handled), lag === 0 ? "all acknowledged" : `${number(lag)} left for the next run`],
    [
      "selected",
      number(selected),
      `magnitude ${strongMagnitude} or more: ${width} × ${height} of ${frameWidth} × ${frameWidth} pixels`,
    ],
  ];
}

function ruleRows({ rules }: Tally): readonly Row[] {
  return rules.map(({ path, rule, example: { place, value }, count }) => {
    return [path, number(count), cut(`${rule}, but ${String(value)} at ${place}`, 50)];
  });
}

function batchRows({ meter: { batches, waits, partitions } }: Tally): readonly Row[] {
  if (batches.length === 0) return [];
  const sizes = batches.toSorted((a, b) => a - b);
  const spread = Array.from(partitions, (count, partition) => `${partition}: ${number(count)}`).join(", ");
  return [
    ["stored", number(batches.length), `each answered after ${median(waits).toFixed(1)} ms (median)`],
    ["smallest", number(sizes[0]!), "events"],
    ["median", number(median(sizes)), "events"],
    ["largest", number(sizes.at(-1)!), "events"],
    ["partitions", number(partitions.length), `events of ${spread}`],
  ];
}

function byteRows({ meter: { stored, moved } }: Tally): readonly Row[] {
  const [kept, brought] = [stored, moved].map(({ metadata, data }) => metadata + data) as [number, number];
  const parts = (of: { metadata: number; data: number }) => `${bytes(of.metadata)} metadata, ${bytes(of.data)} data`;
  return [
    ["stored", bytes(kept), parts(stored)],
    [
      "moved",
      bytes(brought),
      kept === 0 ? parts(moved) : `${parts(moved)}: ${percent(moved.data, stored.data)} of the data`,
    ],
  ];
}

function rateRows({ stored, handled, meter, storingSeconds, handlingSeconds }: Tally): readonly Row[] {
  const storedBytes = meter.stored.metadata + meter.stored.data;
  return [
    [
      "stored",
      `${number(stored / storingSeconds)}/s`,
      `${bytes(storedBytes / storingSeconds)}/s for ${storingSeconds.toFixed(1)} s`,
    ],
    ["handled", `${number(handled / handlingSeconds)}/s`, `until ${handlingSeconds.toFixed(1)} s`],
  ];
}
