import { verifyLog, type Damage, type LogReport, type Loss } from "sluice/backends/log";
import { exitCodes } from "../exitCodes.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { formatBytes, plural } from "../units.ts";
import { logDirectory } from "./logDirectory.ts";

/** Verifies a log. The exit code says whether anything is damaged. */
export async function verify(invocation: Invocation, given: string | undefined): Promise<number> {
  const { output } = invocation;
  const report = await verifyLog(logDirectory(invocation, given));
  output.result(report, () => reportText(report, output));
  return isSound(report) ? exitCodes.ok : exitCodes.damaged;
}

/** A torn tail is what a kill leaves behind: nothing that was acknowledged is in it, and the next open mends it. */
export function isSound({ outcome }: LogReport): boolean {
  return outcome === "clean" || outcome === "tornTail";
}

/** A report as a person reads it. */
export function reportText({ outcome, inUseBy, topics, unreadable, losses }: LogReport, output: Output): string {
  const rows = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ segments, ...partition }) => ({
      ...partition,
      topic,
      files: segments.length,
      events: segments.reduce((sum, { events }) => sum + events, 0),
      bytes: segments.reduce((sum, { length }) => sum + length, 0),
    })),
  );
  const table = output.table(rows, [
    { title: "topic", value: ({ topic }) => topic },
    { title: "partition", value: ({ partition }) => partition },
    { title: "files", value: ({ files }) => files },
    { title: "events", value: ({ events }) => events },
    { title: "size", value: ({ bytes }) => formatBytes(bytes) },
    { title: "found", value: (row) => row.outcome },
  ]);
  const damage = topics.flatMap(({ topic, partitions, cursors }) => [
    ...partitions.flatMap((each) => each.damage.map((one) => damageText(`${topic}/${each.partition}`, one))),
    ...cursors.damage.map((one) => damageText(`${topic}, acknowledgements`, one)),
  ]);
  return [
    rows.length === 0 ? "There are no topics." : table,
    ...damage.map((each) => output.style("red", printable(each))),
    ...unreadable.map((name) => output.style("red", `The topic in topics/${printable(name)} cannot be read.`)),
    ...losses.map((loss) => `Lost: ${lossText(loss)}`),
    `${output.style(outcome === "clean" ? "green" : "yellow", outcome)}${inUseBy === undefined ? "" : `, in use by process ${inUseBy}`}`,
  ].join("\n");
}

function damageText(where: string, { file, offset, end, reason }: Damage): string {
  return `${where}: ${file}, bytes ${offset} to ${end}: ${reason}`;
}

/** A loss as a person reads it. */
export function lossText(loss: Loss): string {
  if (loss.kind === "topic") return `the topic in topics/${printable(loss.directory)}`;
  if (loss.kind === "cursors") return `some acknowledgements of ${printable(loss.topic)}`;
  const { topic, partition, fromId, toId } = loss;
  return `${plural(toId - fromId, "event")} of ${printable(topic)}, partition ${partition}, from id ${fromId}`;
}
