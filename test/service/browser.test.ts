import { gzipSync } from "node:zlib";
import test from "ava";
import { WebSocket } from "ws";
import { bundleForBrowser, importsOf, runInPage } from "../house/bundle.ts";
import { connected, served } from "./served.ts";

const program = `
  import { lastValueFrom, map, take, toArray } from "rxjs";
  import { connect } from "sluice";
  import { acknowledge, consume } from "sluice/operators";

  export async function run(url) {
    const driver = await connect(url);
    const topic = await driver.openTopic("frames");
    const producer = topic.producer({ name: "page" });
    for (let n = 0; n < 10; n++) producer.push({ n }, new Uint8Array([n, n, n]));
    await producer.flush();
    const dataSelector = ({ n }, descriptor) => (n > 6 ? descriptor.makeSubView(0, 2) : null);
    const moved$ = consume(topic, "page", { dataSelector }).pipe(acknowledge(), map((event) => event.data.size), take(10), toArray());
    const moved = await lastValueFrom(moved$);
    const refused = await connect("sluice://localhost").then(() => "none", ({ code }) => code);
    await driver.close();
    return JSON.stringify({ events: moved.length, bytes: moved.reduce((sum, size) => sum + size, 0), refused });
  }
`;

test("a page produces to a service and consumes from it with nothing but the web's own globals", async (t) => {
  const service = await served(t, { listeners: [{ websocket: { port: 0 } }] });
  const driver = await connected(t, service.addresses[0]!);
  const topic = await driver.createTopic("frames");
  const bundle = await bundleForBrowser(program);
  const call = `page.run(${JSON.stringify(service.addresses[0])})`;
  const output = await runInPage(bundle, call, { WebSocket, Uint8Array, ArrayBuffer });

  t.deepEqual(JSON.parse(output as string), { events: 10, bytes: 6, refused: "ERR_UNSUPPORTED" });
  t.is((await topic.lag("page")).total, 0);
  t.deepEqual(
    importsOf(bundle).filter((path) => path.startsWith("node:") || path === "ws"),
    [],
  );
});

test("the client of a service adds little to a page that has RxJS", async (t) => {
  const { outputFiles } = await bundleForBrowser(`export { serviceBackend } from "sluice/backends/service";`, ["rxjs"]);
  const bytes = outputFiles[0]!.contents;
  const [size, zipped] = [bytes.length, gzipSync(bytes).length].map((each) => Math.ceil(each / 1024));
  t.log(`${size} KiB, ${zipped} KiB with gzip`);
  t.true(size! <= 37 && zipped! <= 14, "The guide says 37 KiB, and 14 KiB with gzip");
});
