import { html } from "htm/preact";
import type { VNode } from "preact";
import { Chart, type ChartProps } from "../chart.ts";
import { selected } from "../state.ts";

const [blue, orange, green, pink] = ["#4c9be8", "#e8994c", "#4caf7a", "#d56bb0"] as const;

const charts: readonly ChartProps[] = [
  {
    title: "Events/s",
    unit: "count",
    lines: [
      { label: "stored", stroke: blue, value: ({ stored }) => stored },
      { label: "read", stroke: orange, value: ({ read }) => read },
    ],
  },
  { title: "Lag of consumers", unit: "count", lines: [{ label: "events", stroke: pink, value: ({ lag }) => lag }] },
  {
    title: "Batch size",
    unit: "count",
    lines: [{ label: "events", stroke: green, value: ({ batchSize }) => batchSize }],
  },
  { title: "Bytes/s", unit: "bytes", lines: [{ label: "stored", stroke: blue, value: ({ bytes }) => bytes }] },
];

/** Charts of the selected topic, or of all of them. */
export function Charts(): VNode {
  return html`<section aria-label="Charts">
    <h2>${selected.value ?? "All topics"}</h2>
    <div class="charts">${charts.map((props) => html`<${Chart} key=${props.title} ...${props} />`)}</div>
  </section>`;
}
