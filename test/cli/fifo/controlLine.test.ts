import test from "ava";
import { parseControlLine } from "../../../cli/fifo/controlLine.ts";

for (const [line, expected] of [
  ["in -> topic", { kind: "produce", path: "in", topic: "topic", options: {} }],
  ["/tmp/out <- topic ( )", { kind: "consume", path: "/tmp/out", topic: "topic", options: {} }],
  [
    "in -> topic(format=json,batch_size = 12)",
    { kind: "produce", path: "in", topic: "topic", options: { format: "json", batch_size: "12" } },
  ],
  [
    `"a \\"quoted\\" back\\\\slash -> (path)" <- topic (name="x, y")`,
    { kind: "consume", path: `a "quoted" back\\slash -> (path)`, topic: "topic", options: { name: "x, y" } },
  ],
  ["it's -> topic", { kind: "produce", path: "it's", topic: "topic", options: {} }],
] as const) {
  test(`parseControlLine() reads ${line}`, (t) => t.deepEqual(parseControlLine(line), expected));
}

for (const [line, message] of [
  ["", /a word is missing/],
  ["in topic", /-> or <- is missing at column/],
  ["in ->", /a word is missing/],
  [`"in -> topic`, /a quote is not closed/],
  ["in -> topic (a", /"=" is missing/],
  ["in -> topic (a=1", /"," is missing/],
  ["in -> topic (a=1) more", /nothing may stand behind/],
  ["in -> topic more", /"\(" is missing/],
] as const) {
  test(`parseControlLine() refuses ${JSON.stringify(line)}`, (t) => {
    t.throws(() => parseControlLine(line), { name: "CommandError", message });
  });
}
