import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { open } from "lmdb";
import type { DatabaseSync as Database } from "node:sqlite";
import type { Reading } from "../events.ts";

/** A store that does the same job: each event under its number, each batch a transaction that is on the disk when it ends. */
export interface Peer {
  readonly name: string;
  /** Stores all events, batch by batch. */
  readonly store: (directory: string, events: readonly Reading[], batchSize: number) => Promise<void>;
}

/** The peers, with their versions. `node:sqlite` is left out where Node has none. */
export async function peers(): Promise<Peer[]> {
  const sqlite = await import("node:sqlite").catch(() => undefined);
  const found: Peer[] = [
    { name: `lmdb ${versionOf("lmdb")}, transaction and sync`, store: storeInLmdb },
    { name: `classic-level ${versionOf("classic-level")}, batch with sync`, store: storeInLevel },
  ];
  if (sqlite !== undefined) {
    found.push({
      name: `node:sqlite ${process.versions["sqlite"] ?? ""}, WAL, synchronous=FULL`,
      store: (directory, events, batchSize) => storeInSqlite(sqlite, directory, events, batchSize),
    });
  }
  return found;
}

async function storeInLmdb(directory: string, events: readonly Reading[], batchSize: number): Promise<void> {
  // Its transactions end when they are on the disk, unless syncs may overlap.
  const database = open<Uint8Array, number>(join(directory, "lmdb"), { encoding: "binary", overlappingSync: false });
  let id = 0;
  for (const batch of slices(events, batchSize)) {
    await database.transaction(() => {
      for (const event of batch) void database.put(id++, Buffer.from(JSON.stringify(event)));
    });
  }
  await database.close();
}

async function storeInLevel(directory: string, events: readonly Reading[], batchSize: number): Promise<void> {
  const database = new ClassicLevel<string, string>(join(directory, "level"));
  await database.open();
  let id = 0;
  for (const batch of slices(events, batchSize)) {
    const puts = batch.map((event) => ({
      type: "put" as const,
      key: String(id++).padStart(12, "0"),
      value: JSON.stringify(event),
    }));
    await database.batch(puts, { sync: true });
  }
  await database.close();
}

async function storeInSqlite(
  { DatabaseSync }: { readonly DatabaseSync: typeof Database },
  directory: string,
  events: readonly Reading[],
  batchSize: number,
): Promise<void> {
  const database = new DatabaseSync(join(directory, "sqlite"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, metadata TEXT)");
  const insert = database.prepare("INSERT INTO events (metadata) VALUES (?)");
  for (const batch of slices(events, batchSize)) {
    database.exec("BEGIN");
    for (const event of batch) insert.run(JSON.stringify(event));
    database.exec("COMMIT");
  }
  database.close();
}

function* slices<T>(values: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < values.length; start += size) yield values.slice(start, start + size);
}

function versionOf(name: string): string {
  const text = readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
