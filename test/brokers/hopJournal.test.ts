import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { lastValueFrom, toArray } from "rxjs";
import { importHopJournal } from "../../src/index.ts";
import { hopPython } from "./hop/python.ts";

const python = await hopPython();
const withHop = python === undefined ? test.skip : test;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

withHop("a journal that hop-client has written is read as hop-client reads it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-hop-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "publisher.journal");
  const program = new URL("hop/journal.py", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(python!, [program, path]);
  const messages = await lastValueFrom(importHopJournal(createReadStream(path)).pipe(toArray()));
  const found = messages.map(({ sequence, topic, message, key, headers }) => ({
    sequence,
    topic,
    message: hex(message),
    key: key === undefined ? null : hex(key),
    headers: headers.map(([name, value]) => [name, hex(value)]),
  }));
  const expected = JSON.parse(stdout) as unknown[];
  t.true(expected.length > 50);
  t.deepEqual(found as unknown[], expected);
});
