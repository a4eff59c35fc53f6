// Bundles the live page into one file, dist/cli/page.html: `npm run build` does it, and so does `npm run build:page`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const here = (path: string) => new URL(path, import.meta.url);

const { outputFiles } = await build({
  entryPoints: [here("main.ts").pathname],
  bundle: true,
  minify: true,
  write: false,
  platform: "browser",
  format: "esm",
  target: "es2022",
  conditions: ["sluice-source", "browser"],
  external: ["ajv", "ajv/*", "cbor-x"], // Of what a topic may name as its components, a page has these not.
  logLevel: "warning",
});
const [page, own, charts] = await Promise.all([
  readFile(here("page.html"), "utf8"),
  readFile(here("page.css"), "utf8"),
  readFile(here("../../node_modules/uplot/dist/uPlot.min.css"), "utf8"),
]);
// Nothing that is inside a script may look like its end.
const script = outputFiles[0]!.text.replaceAll("</script", "<\\/script").trim();
const text = page.replace("/* style */", () => `${charts.trim()}\n${own.trim()}`).replace("/* script */", () => script);
await mkdir(here("../../dist/cli/"), { recursive: true });
await writeFile(here("../../dist/cli/page.html"), text);
console.log(`dist/cli/page.html: ${Math.round(text.length / 1024)} KiB`);
