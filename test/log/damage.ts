import { crc32c } from "../../backends/log/format/crc32c.ts";
import type { LogOptions } from "../../backends/log/index.ts";
import { answerOf, append, openLog, someBytes } from "./support.ts";
import { SimulatedStorage } from "./simulatedStorage.ts";

/** How many events {@link writtenLog} has. */
export const eventCount = 60;

/** The text of one of them. */
export const textOf = (id: number): string => `event ${id} ${"x".repeat(200)}`;

/** A log of several segments in `/log`, closed in good order, or left as a kill leaves it before the last event was answered. */
export async function writtenLog(
  end: "closed" | "killed" = "closed",
  options: LogOptions = {},
): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage();
  const log = await openLog(storage, { segmentBytes: 4096, ...options });
  for (let i = 0; i < eventCount; i++)
    await append(log.partition, [{ text: textOf(i), ...(i % 7 === 0 && { data: someBytes(50, i) }) }]);
  const [lease] = await answerOf(log.topic.join("app", { partitions: undefined }));
  for (const position of [10, 20, 30]) await answerOf(lease!.acknowledge(position));
  const killed = storage.copy().forgetAnswers();
  await log.close();
  return end === "closed" ? storage.copy() : killed;
}

/** The paths of the segments, oldest first. */
export function segmentsOf(storage: SimulatedStorage): string[] {
  return storage
    .paths()
    .filter((path) => path.endsWith(".seg"))
    .sort();
}

/** Changes one bit of the first byte of a text, where it stands first. */
export function spoil(storage: SimulatedStorage, path: string, text: string): void {
  const bytes = storage.bytesOf(path).slice();
  bytes[Buffer.from(bytes).indexOf(text)]! ^= 1;
  storage.replace(path, bytes);
}

/** Ways to damage a log, by what they do. */
export const damages: Readonly<Record<string, (storage: SimulatedStorage) => unknown>> = {
  "the first segment is missing": (storage) => storage.unlink(segmentsOf(storage)[0]!),
  "the second segment is missing": (storage) => storage.unlink(segmentsOf(storage)[1]!),
  "two segments in a row are missing": (storage) =>
    Promise.all(
      segmentsOf(storage)
        .slice(1, 3)
        .map((path) => storage.unlink(path)),
    ),
  "the last segment is missing": (storage) => storage.unlink(segmentsOf(storage).at(-1)!),
  "all segments are missing": (storage) => Promise.all(segmentsOf(storage).map((path) => storage.unlink(path))),
  "the second segment is shorter": (storage) => cut(storage, segmentsOf(storage)[1]!, 2000),
  "the last segment is shorter": (storage) => cut(storage, segmentsOf(storage).at(-1)!, 600),
  "the last segment ends with a batch less": (storage) => {
    const path = segmentsOf(storage).at(-1)!;
    cut(storage, path, Buffer.from(storage.bytesOf(path)).lastIndexOf("SLBT"));
  },
  "the second segment is empty": (storage) => cut(storage, segmentsOf(storage)[1]!, 0),
  "the second segment has lost its header": (storage) => {
    const path = segmentsOf(storage)[1]!;
    storage.replace(path, storage.bytesOf(path).slice().fill(0, 0, 512));
  },
  "the second segment is a copy of the first": (storage) => {
    const [first, second] = segmentsOf(storage);
    storage.replace(second!, storage.bytesOf(first!).slice());
  },
  "bytes of two events are changed": (storage) => {
    spoil(storage, segmentsOf(storage)[0]!, "event 1 ");
    spoil(storage, segmentsOf(storage)[2]!, "event 2");
  },
  "bytes of the newest event are changed": (storage) => {
    const path = segmentsOf(storage).at(-1)!;
    spoil(storage, path, `event ${eventCount - 1}`);
  },
};

/** The cases of {@link damages} in which no event is lost. */
export const harmless: readonly string[] = ["the second segment has lost its header"];

/** Lets all segments say that another version of the format has written them. */
export function makeOfVersion(storage: SimulatedStorage, version: number): void {
  for (const path of segmentsOf(storage)) {
    const bytes = storage.bytesOf(path).slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(8, version, true);
    view.setUint32(508, crc32c(bytes.subarray(0, 508)), true);
    storage.replace(path, bytes);
  }
}

function cut(storage: SimulatedStorage, path: string, length: number): void {
  storage.replace(path, storage.bytesOf(path).slice(0, length));
}
