import { deflateSync, crc32 } from "node:zlib";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type TestFn } from "ava";
import { chromium, type Browser, type Page } from "playwright-core";
import { connect, type Driver } from "sluice";
import { hashToken, makeToken } from "sluice/backends/service/server";
import { loadServiceConfig } from "../../cli/service/serviceConfig.ts";
import { startService, type StartedService } from "../../cli/service/startService.ts";
import { findChromium } from "./findChromium.ts";

const path = findChromium();
const test = (path === undefined ? anyTest.skip : anyTest) as TestFn;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let browser: Browser;
let folder: string;

anyTest.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-page-"));
  if (path !== undefined)
    browser = await chromium.launch({ executablePath: path, args: ["--no-sandbox", "--disable-gpu"] });
});

anyTest.after.always(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

interface World {
  readonly page: Page;
  readonly driver: Driver;
  /** What went wrong in the page. */
  readonly problems: readonly string[];
}

let services = 0;

/** A service with a page that looks at it, and a program that uses it. */
async function withPage(work: (world: World) => Promise<void>, more: object = {}, token?: string): Promise<void> {
  const config = await loadServiceConfig(
    undefined,
    {
      backends: { main: { type: "memory" } },
      listeners: [{ type: "websocket", port: 0 }],
      groupFile: `group-${services++}.json`,
      ...more,
    },
    folder,
  );
  const service: StartedService = await startService(config, silent);
  const driver = await connect(service.addresses[0]!, token === undefined ? {} : { token });
  const page = await browser.newPage({ colorScheme: "dark" });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  try {
    await page.goto(service.addresses[0]!.replace(/^ws/, "http"));
    await work({ page, driver, problems });
  } finally {
    await page.close();
    await driver.close();
    await service.close();
  }
}

test("the page shows topics, producers, consumers with their lag, and the newest events as they come", (t) =>
  withPage(async ({ page, driver, problems }) => {
    const topic = await driver.createTopic("collisions", { partitions: 2 });
    const producer = topic.producer({ name: "app1" });
    for (let n = 0; n < 50; n++) producer.push({ energy: n, text: "<img src=x onerror=alert(1)>" });
    await producer.flush();
    const consumer = topic.consumer("app2");
    await (await consumer.pull()).acknowledge();
    const cell = (section: string, text: string) =>
      page.locator(`section[aria-label="${section}"] td`, { hasText: text }).first().waitFor();
    await cell("Topics", "collisions");
    await cell("Topics", "50");
    await cell("Producers", "app1");
    await cell("Consumers", "app2");
    await page.locator(`section[aria-label="Consumers"] td.behind`).waitFor();
    await page.locator(".events li", { hasText: `"energy":49` }).waitFor();
    producer.push({ energy: 1234 });
    await page.locator(".events li", { hasText: `"energy":1234` }).waitFor();
    t.is(await page.locator(".chart canvas").count(), 4);
    t.is(await page.locator(".events img").count(), 0, "what looks like markup is text");
    t.deepEqual(problems, []);
  }));

test("images are shown as images, and other data as text or digits", (t) =>
  withPage(async ({ page, driver, problems }) => {
    const topic = await driver.createTopic("images");
    topic.producer().push({ n: 1 }, png(4, 3));
    topic.producer().push({ n: 2 }, new TextEncoder().encode("readable"));
    topic.producer().push({ n: 3 }, Uint8Array.of(0, 1, 254));
    const image = page.locator(".events img");
    await image.waitFor();
    const size = () => image.evaluate((element: HTMLImageElement) => [element.naturalWidth, element.naturalHeight]);
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>(".events img")?.naturalWidth === 4);
    t.deepEqual(await size(), [4, 3]);
    await page.locator(".events samp", { hasText: "readable" }).waitFor();
    await page.locator(".events samp", { hasText: "00 01 fe" }).waitFor();
    t.deepEqual(problems, []);
  }));

test("keys select topics, filter and pause", (t) =>
  withPage(async ({ page, driver, problems }) => {
    const [one, two] = [await driver.createTopic("one"), await driver.createTopic("two", { partitions: 3 })];
    for (let n = 0; n < 5; n++) await one.producer().push({ n });
    await two.producer().push({ other: true });
    await page.locator(".events li", { hasText: `"other"` }).waitFor();
    await page.keyboard.press("j");
    await page.locator(`tr[aria-selected="true"]`, { hasText: "one" }).waitFor();
    await page.locator(".events li", { hasText: `{"n":4}` }).waitFor();
    t.is(await page.locator(".events li", { hasText: `"other"` }).count(), 0);
    await page.keyboard.press("/");
    await page.keyboard.type("n>2");
    await page.getByText("2 of 5").waitFor();
    await page.keyboard.press("Escape");
    t.is(await page.locator("#filter").inputValue(), "");
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.getByRole("list", { name: "Partitions of two" }).waitFor();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Go on" }).waitFor();
    await page.keyboard.press("?");
    await page.getByText("the next topic, the one before").waitFor();
    t.deepEqual(problems, []);
  }));

test("a service with tokens shows nothing before it is shown one", (t) => {
  const token = makeToken();
  const more = {
    create: [{ name: "guarded" }],
    tokens: [{ user: "boss", hash: hashToken(token) }],
    access: [{ users: ["boss"], topics: ["*"], allow: ["publish", "subscribe", "admin"] }],
  };
  return withPage(
    async ({ page, driver }) => {
      await (await driver.openTopic("guarded")).producer().push({ secret: 1 });
      const input = page.getByLabel("The service wants a token");
      await input.waitFor();
      t.is(await page.locator("td").count(), 0);
      await input.fill("not-the-token-of-anybody");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("It does not know this one").waitFor();
      await input.fill(token);
      await page.getByRole("button", { name: "Show" }).click();
      await page.locator(".events li", { hasText: `"secret":1` }).waitFor();
      t.false(page.url().includes(token));
    },
    more,
    token,
  );
});

test("a user sees the topics that the user has a right to, and the events of those that the user may read", (t) => {
  const [boss, reader] = [makeToken(), makeToken()];
  const more = {
    create: [{ name: "open" }, { name: "inbox" }, { name: "closed" }],
    tokens: [
      { user: "boss", hash: hashToken(boss) },
      { user: "reader", hash: hashToken(reader) },
    ],
    access: [
      { users: ["boss"], topics: ["*"], allow: ["publish", "subscribe", "admin"] },
      { users: ["reader"], topics: ["open"], allow: ["subscribe"] },
      { users: ["reader"], topics: ["inbox"], allow: ["publish"] },
    ],
  };
  return withPage(
    async ({ page, driver, problems }) => {
      for (const name of ["open", "inbox", "closed"])
        await (await driver.openTopic(name)).producer().push({ of: name });
      await page.getByLabel("The service wants a token").fill(reader);
      await page.getByRole("button", { name: "Show" }).click();
      await page.locator(".events li", { hasText: `"of":"open"` }).waitFor();
      t.deepEqual(await page.locator(`section[aria-label="Topics"] tbody tr td:first-child`).allInnerTexts(), [
        "inbox",
        "open",
      ]);
      t.is(await page.locator(".events li").count(), 1);
      t.deepEqual(
        problems.filter((text) => !text.includes("401")),
        [],
      );
    },
    more,
    boss,
  );
});

test("the page runs no other script, and talks to its own service alone", (t) =>
  withPage(async ({ page }) => {
    await page.locator("header").waitFor();
    const isRun = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.injected = true";
      document.body.append(script);
      return "injected" in globalThis;
    });
    t.false(isRun);
  }));

/** A grey image of one colour, as PNG. */
function png(width: number, height: number): Uint8Array {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(body.length + 8);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body), body.length + 4);
    return frame;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc((width + 1) * height, 128).map((byte, i) => (i % (width + 1) === 0 ? 0 : byte));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
