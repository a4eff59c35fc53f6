import test from "ava";
import { ReadFile } from "../../backends/log/segments/readFile.ts";
import type { StorageFile } from "../../backends/log/index.ts";
import { append, openLog, readAll } from "./support.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";

/** A storage that counts the files that are open to be read. */
function counting(): {
  readonly storage: SimulatedStorage;
  readonly open: Set<StorageFile>;
  readonly most: () => number;
} {
  const storage = new SimulatedStorage();
  const original = storage.open.bind(storage);
  const open = new Set<StorageFile>();
  let most = 0;
  storage.open = async (path, mode) => {
    const file = await original(path, mode);
    if (mode !== "read") return file;
    const counted: StorageFile = { ...file, close: async () => void open.delete(counted) };
    open.add(counted);
    most = Math.max(most, open.size);
    return counted;
  };
  return { storage, open, most: () => most };
}

test("a log of more segments than may be open is opened and read with few open files, and lets go of all of them", async (t) => {
  const { storage, open, most } = counting();
  const options = { segmentBytes: 1024 };
  const first = await openLog(storage, options);
  for (let i = 0; i < 300; i++) await append(first.partition, [{ text: "x".repeat(700) + i }]);
  await first.close();
  const log = await openLog(storage, options);
  const { events, errors } = await readAll(log.partition);
  t.deepEqual(errors, []);
  t.is(events.length, 300);
  t.true(most() <= 140, `${most()} files were open`);
  await log.close();
  t.is(open.size, 0);
});

test("ReadFile opens a file when it is read, and again after it was closed", async (t) => {
  const { storage, open } = counting();
  const made = await storage.open("/a", "create");
  await made.writev([new Uint8Array([1, 2, 3])], 0);
  const file = new ReadFile(() => storage.open("/a", "read"));
  t.is(open.size, 0);
  t.is(await file.size(), 3);
  t.is(open.size, 1);
  await file.close();
  t.is(open.size, 0);
  const target = new Uint8Array(2);
  t.is(await file.read(target, 1), 2);
  t.deepEqual(target, new Uint8Array([2, 3]));
  await file.close();
});

test.serial("as few files as ever stay open after many have been read at the same moment", async (t) => {
  const { storage, open, most } = counting();
  await (await storage.open("/a", "create")).writev([new Uint8Array(8)], 0);
  const files = Array.from({ length: 300 }, () => new ReadFile(() => storage.open("/a", "read")));
  await Promise.all(files.map((file) => file.read(new Uint8Array(8), 0)));
  t.is(most(), 300);
  const last = new ReadFile(() => storage.open("/a", "read"));
  await last.read(new Uint8Array(8), 0);
  await new Promise((resolve) => setImmediate(resolve)); // The others are closed in the background.
  t.true(open.size <= 129, `${open.size} files are open`);
  await Promise.all([last, ...files].map((file) => file.close()));
  t.is(open.size, 0);
});

test("ReadFile is closed once nobody reads it any more", async (t) => {
  const { storage } = counting();
  const made = await storage.open("/a", "create");
  await made.writev([new Uint8Array([1])], 0);
  const order: string[] = [];
  const inner = await storage.open("/a", "read");
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const file = new ReadFile(async () => ({
    ...inner,
    read: async (target, position) => {
      await held;
      order.push("read");
      return inner.read(target, position);
    },
    close: async () => void order.push("closed"),
  }));
  const read = file.read(new Uint8Array(1), 0);
  const closed = file.close();
  release();
  await Promise.all([read, closed]);
  t.deepEqual(order, ["read", "closed"]);
});

test("ReadFile tries again after it could not be opened", async (t) => {
  const { storage } = counting();
  const file = new ReadFile(() => storage.open("/a", "read"));
  await t.throwsAsync(file.size(), { message: /ENOENT/ });
  await storage.open("/a", "create");
  t.is(await file.size(), 0);
  await file.close();
});
