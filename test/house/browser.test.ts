import test from "ava";
import { bundleForBrowser, importsOf, runInPage } from "./bundle.ts";

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

test("a bundle for the browser has no module of Node in it", async (t) => {
  const bundle = await bundleForBrowser(program);
  t.deepEqual(bundle.errors, []);
  const imports = importsOf(bundle);
  t.true(imports.length > 50, "the bundle must hold the library, or nothing is checked");
  t.deepEqual(
    imports.filter((path) => path.startsWith("node:")),
    [],
  );
});

test("producing, selecting data and acknowledging work where there is nothing but the web's own globals", async (t) => {
  const output = await runInPage(await bundleForBrowser(program), "page.run()");
  t.deepEqual(JSON.parse(output as string), { events: 10, bytes: 6, lag: 0 });
});
