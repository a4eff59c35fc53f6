import { createContext, runInContext } from "node:vm";
import test from "ava";
import { build, type BuildResult } from "esbuild";

/** What a page may use. Nothing of Node's is among it. */
const webGlobals = {
  TextEncoder,
  TextDecoder,
  URL,
  AbortController,
  AbortSignal,
  queueMicrotask,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  structuredClone,
  crypto,
};

const program = `
  import { lastValueFrom, map, range, toArray } from "rxjs";
  import { connect } from "sluice";
  import { acknowledge, consume, produce } from "sluice/operators";

  export async function run() {
    const driver = await connect("memory:");
    const topic = await driver.createTopic("frames", { partitions: 2, partitionSelector: { type: "by-key", key: "n" } });
    const frames$ = range(0, 10).pipe(map((n) => ({ metadata: { n }, data: new Uint8Array([n, n, n]) })));
    await lastValueFrom(frames$.pipe(produce(topic, { name: "page" })));
    const dataSelector = ({ n }, descriptor) => (n > 6 ? descriptor.makeSubView(0, 2) : null);
    const moved$ = consume(topic, "page", { until: "end", dataSelector }).pipe(acknowledge(), map((event) => event.data.size), toArray());
    const moved = await lastValueFrom(moved$);
    const { total } = await topic.lag("page");
    await driver.close();
    return JSON.stringify({ events: moved.length, bytes: moved.reduce((sum, size) => sum + size, 0), lag: total });
  }
`;

async function bundle(): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    stdin: { contents: program, resolveDir: process.cwd(), loader: "js" },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: "browser",
    format: "iife",
    globalName: "page",
    conditions: ["sluice-source", "browser"],
    external: ["ajv", "ajv/*", "cbor-x"], // Optional, and loaded only by who asks for them.
    logLevel: "silent",
  });
}

test("a bundle for the browser has no module of Node in it", async (t) => {
  const { metafile, errors } = await bundle();
  t.deepEqual(errors, []);
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path));
  t.true(imports.length > 50, "the bundle must hold the library, or nothing is checked");
  t.deepEqual(
    imports.filter((path) => path.startsWith("node:")),
    [],
  );
});

test("producing, selecting data and acknowledging work where there is nothing but the web's own globals", async (t) => {
  const { outputFiles } = await bundle();
  const context = createContext({ ...webGlobals });
  const output: unknown = await runInContext(`${outputFiles[0]!.text}; page.run()`, context);
  t.deepEqual(JSON.parse(output as string), { events: 10, bytes: 6, lag: 0 });
});
