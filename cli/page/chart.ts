import { html } from "htm/preact";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { formatBytes, formatCount } from "../units.ts";
import { points, type Point } from "./state.ts";

/** One line of a chart. */
export interface Line {
  /** What it is. */
  readonly label: string;
  /** Its colour. */
  readonly stroke: string;
  /** Its value at a point. */
  readonly value: (point: Point) => number;
}

/** What a chart shows. */
export interface ChartProps {
  /** What stands above it. */
  readonly title: string;
  /** Its lines. */
  readonly lines: readonly Line[];
  /** What its values are. */
  readonly unit: "count" | "bytes";
}

const height = 140;
const grid = { stroke: "#8884", width: 1 };

/** A chart of the last minutes, which moves with the service. */
export function Chart({ title, lines, unit }: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const data = dataOf(points.value, lines);
  useEffect(() => {
    const made = new UPlot(optionsOf(lines, unit, place.current!), data, place.current!);
    plot.current = made;
    const resized = new ResizeObserver(([entry]) => made.setSize({ width: entry!.contentRect.width, height }));
    resized.observe(place.current!);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [points.value]);
  const now = points.value.at(-1);
  const summary = lines
    .map(({ label, value }) => `${label} ${format(now === undefined ? 0 : value(now), unit)}`)
    .join(", ");
  return html`<figure class="chart">
    <figcaption>
      <span>${title}</span>
      ${lines.map(
        ({ label, stroke, value }) =>
          html`<span class="key"
            ><i style=${`background:${stroke}`}></i>${label}
            <b>${format(now === undefined ? 0 : value(now), unit)}</b></span
          >`,
      )}
    </figcaption>
    <div ref=${place} class="dim" role="img" aria-label=${`${title}: ${summary}`}></div>
  </figure>`;
}

function dataOf(all: readonly Point[], lines: readonly Line[]): UPlot.AlignedData {
  return [all.map(({ time }) => time), ...lines.map(({ value }) => all.map(value))];
}

function optionsOf(lines: readonly Line[], unit: ChartProps["unit"], place: HTMLElement): UPlot.Options {
  // A canvas knows no variables of the style sheet, so the colour is taken from something that has it.
  const stroke = getComputedStyle(place).color;
  return {
    width: place.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
    axes: [
      { stroke, grid, ticks: grid, size: 32, space: 70, values: (_plot, values) => values.map(timeOf) },
      {
        stroke,
        grid,
        ticks: grid,
        size: 72,
        incrs: steps[unit],
        values: (_plot, values) => values.map((value) => format(value, unit)),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({ label: line.label, stroke: line.stroke, width: 2, points: { show: false } })),
    ],
  };
}

/** The steps that an axis may have: round ones, of which those of bytes are powers of two. */
const steps: Readonly<Record<ChartProps["unit"], number[]>> = {
  count: Array.from({ length: 36 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3)),
  bytes: Array.from({ length: 50 }, (_, i) => 2 ** i),
};

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

function timeOf(seconds: number): string {
  return clock.format(seconds * 1000);
}

function format(value: number, unit: ChartProps["unit"]): string {
  if (unit === "bytes") return formatBytes(Math.round(value));
  return value > 0 && value < 10 ? value.toFixed(1) : formatCount(value);
}
