import test from "ava";
import { isSluiceError } from "../../src/index.ts";
import { append, openLog, readAll } from "./support.ts";
import { SimulatedStorage, systemError } from "./simulatedStorage.ts";

const rounds = 15;

/** Appends one event after the other; says what became of each. */
async function appendAll(storage: SimulatedStorage): Promise<{ stored: string[]; errors: unknown[]; read: number }> {
  const log = await openLog(storage, { segmentBytes: 1200 });
  const [stored, errors] = [[] as string[], [] as unknown[]];
  for (let i = 0; i < rounds; i++) {
    const text = `event ${i} ${"x".repeat(100)}`;
    await append(log.partition, [{ text }]).then(
      () => stored.push(text),
      (error: unknown) => errors.push(error),
    );
  }
  storage.before = () => {};
  const { events } = await readAll(log.partition);
  await log.close();
  return { stored, errors, read: events.length };
}

for (const code of ["ENOSPC", "EIO", "EMFILE", "EROFS"]) {
  for (const how of ["once", "for ever"] as const) {
    test(`${code} at any write, sync or open, ${how}: a clear error, nothing that was acknowledged is lost, reading goes on`, async (t) => {
      let faults = 0;
      for (let at = 1; ; at++) {
        const storage = new SimulatedStorage();
        const setup = await openLog(storage); // The topic is there before anything fails.
        await setup.close();
        let left = at;
        let hit: string | undefined;
        storage.before = (operation, path) => {
          if (operation === "read" || operation === "list" || operation === "open read") return;
          left--;
          if (left > 0 || (how === "once" && left < 0)) return;
          hit ??= `${operation} ${path}`;
          throw systemError(code, `${operation} ${path}`);
        };
        const before = await appendAll(storage).catch((error: unknown) => {
          t.true((error as { code?: string }).code === code, `${hit}: ${String(error)}`); // The log could not be opened.
          return undefined;
        });
        if (hit === undefined) break;
        faults++;
        storage.before = () => {};
        if (before === undefined) continue;
        const { stored, errors, read } = before;
        if (!errors.every((error) => isSluiceError(error, "ERR_DURABILITY"))) t.fail(`${hit}: ${String(errors[0])}`);
        if (stored.length + errors.length !== rounds) t.fail(`${hit}: not everything was answered`);
        if (read < stored.length) t.fail(`${hit}: ${read} events could be read, where ${stored.length} were stored`);
        const log = await openLog(storage);
        const { events } = await readAll(log.partition);
        const texts = events.map(({ text }) => text);
        if (!stored.every((text, i) => texts[i] === text))
          t.fail(`${hit}: ${texts.length} events after it, where ${stored.length} were stored`);
        if (log.report.outcome !== "clean" && log.report.outcome !== "tornTail")
          t.fail(`${hit}: ${JSON.stringify(log.report)}`);
        t.is(await append(log.partition, [{ text: "after" }]), events.length); // The cause is gone, so writing goes on.
        await log.close();
      }
      t.log(`${faults} faults`);
      t.true(faults > 30);
    });
  }
}

test("a failed sync is never tried again", async (t) => {
  const storage = new SimulatedStorage();
  const log = await openLog(storage);
  await append(log.partition, [{ text: "a" }]);
  let syncs = 0;
  storage.before = (operation, path) => {
    if (operation !== "sync" || !path.includes(".seg")) return;
    syncs++;
    throw systemError("EIO", path);
  };
  const error = await append(log.partition, [{ text: "b" }]).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(error, "ERR_DURABILITY"));
  const again = await append(log.partition, [{ text: "c" }]).catch((thrown: unknown) => thrown);
  t.true(isSluiceError(again, "ERR_DURABILITY"));
  await log.close();
  t.true(syncs <= 2, `${syncs} syncs`); // One more may have been under way, that of the zeros written ahead.
});

test("short writes are gone on with", async (t) => {
  const storage = new SimulatedStorage();
  const open = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file = await open(path, mode);
    return {
      ...file,
      writev: (segments, position) => {
        const first = segments.find((segment) => segment.length > 0)!;
        return file.writev([first.subarray(0, Math.max(1, first.length >> 1))], position);
      },
    };
  };
  const log = await openLog(storage);
  for (let i = 0; i < 5; i++)
    await append(log.partition, [{ text: `event ${i}`, data: new Uint8Array(50_000).fill(i) }]);
  await log.close();
  const again = await openLog(storage);
  const { events, errors } = await readAll(again.partition);
  t.deepEqual([events.length, errors.length], [5, 0]);
  await again.close();
});
