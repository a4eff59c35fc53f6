// The getting started of Mofka from a shell: describe a service, start it, create a topic, add a partition, produce and consume
// in other processes, and shut it down. `npm run quickstart:service` runs it on the earthquakes of one real week.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "sluice-quickstart-"));

/** Runs `sluice` in a process of its own, and shows what a person would type. */
function start(line: string) {
  console.log(`$ sluice ${line}`);
  const args = ["--conditions=sluice-source", command, ...line.split(" ")];
  return spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
}

async function sluice(line: string): Promise<string> {
  const child = start(line);
  const ended = once(child, "close");
  const [stdout, stderr, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), ended]);
  if (stderr.trim() !== "") console.log(stderr.trim());
  if (code !== 0) throw new Error(`It ended with ${code}`);
  return stdout.trim();
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

/** The earthquakes of one week, as the USGS has published them: one JSON object a line. */
async function writeQuakes(): Promise<void> {
  const path = new URL("../data/earthquakes.json", import.meta.resolve("vega-datasets"));
  const { features } = JSON.parse(await readFile(path, "utf8")) as {
    features: { id: string; properties: { place: string; mag: number; time: number } }[];
  };
  const lines = features.map(({ id, properties: { place, mag, time } }) => JSON.stringify({ id, place, mag, time }));
  await writeFile(join(folder, "quakes.jsonl"), `${lines.join("\n")}\n`);
}

const config = {
  backends: { quick: { type: "memory" }, disk: { type: "log", path: "./data" } },
  listeners: [
    { type: "tcp", port: 0 },
    { type: "websocket", port: 0 },
  ],
  groupFile: "sluice.json",
  log: { level: "warn" },
};
const schema = {
  type: "object",
  properties: { id: { type: "string" }, place: { type: "string" }, mag: { type: "number" }, time: { type: "number" } },
  required: ["id", "mag"],
};

await writeQuakes();
await writeFile(join(folder, "config.json"), JSON.stringify(config, null, 2));
await writeFile(join(folder, "quake.schema.json"), JSON.stringify(schema));
const service = start("serve -c config.json");
try {
  await new Promise((resolve) => service.stdout.once("data", resolve));
  const show = async (line: string) => console.log(await sluice(line));
  await show(
    "topic create my_topic --groupfile sluice.json --validator schema --validator.schema quake.schema.json --partition-selector.key place",
  );
  await show("partition add my_topic --type memory --rank 0 --groupfile sluice.json");
  await sluice("produce my_topic quakes.jsonl --name app1");
  const printed = await sluice("consume my_topic --name app2 --acknowledge every:10 --until end --output metadata");
  const quakes = printed.split("\n").map((line) => JSON.parse(line) as { place: string; mag: number });
  const strongest = quakes.reduce((one, other) => (other.mag > one.mag ? other : one));
  console.log(`${quakes.length} earthquakes came; the strongest had magnitude ${strongest.mag}, ${strongest.place}.`);
  await show("lag my_topic app2");
  await show("shutdown -f sluice.json");
} finally {
  service.kill();
  await rm(folder, { recursive: true, force: true });
}
