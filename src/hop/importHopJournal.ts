import { Observable } from "rxjs";
import { checkChoice } from "../model/check.ts";
import { describeValue } from "../model/describeValue.ts";
import { SluiceError } from "../model/errors.ts";
import { BodyReader } from "./bodyReader.ts";
import { ChunkReader } from "./chunkReader.ts";
import { crc32 } from "./crc32.ts";

/** A message that was queued and not sent. */
export interface HopMessage {
  /** Its number in the journal. */
  readonly sequence: number;
  /** The topic that it was queued for; undefined in records of the first version, which do not say it. */
  readonly topic: string | undefined;
  /** Its bytes. */
  readonly message: Uint8Array;
  /** Its key; undefined when it has none. hop-client writes an empty key as none. */
  readonly key: Uint8Array | undefined;
  /** Its headers, in order. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/** How a journal of hop-client is read. */
export interface ImportHopJournalOptions {
  /**
   * What becomes of a journal that ends in the middle of a record: `"refuse"` fails, `"drop"` leaves that record out, which
   * hop-client had not finished writing. @default "refuse"
   */
  readonly torn?: "refuse" | "drop" | undefined;
}

const headerSize = 24;
const kinds = { messageV1: 0, sent: 1, messageV2: 2 };
/** No record is larger: a length beyond it is damage. */
const maxBodySize = 2 ** 31;

/**
 * Reads a journal that the `RobustProducer` of hop-client has left, records of version 1 and 2, so that what it has not sent
 * can be published by a robust producer of Sluice. Format: `hop/robust_publisher.py` of hop-client 0.13, big-endian: type,
 * length of the body (8 bytes each), CRC-32 of the body, CRC-32 of the header (4 bytes each), body.
 *
 * @param file - Its bytes: a `Uint8Array`, or a stream of them such as `createReadStream("publisher.journal")`. hop-client
 * must not be running.
 * @param options - What becomes of a torn end.
 * @returns The messages that were not sent, in the order in which they were queued, once the whole journal has been read: a
 * record at its end may say that the first one was sent. It fails with `ERR_STORAGE` when a record is damaged or cut off, which
 * names the record and its byte; and with what the stream fails with. Nothing is emitted then.
 * @throws TypeError or RangeError when an argument is wrong.
 *
 * @example
 * ```ts
 * import { importHopJournal } from "sluice";
 *
 * const sent = new Uint8Array(0); // createReadStream("publisher.journal") in life
 * importHopJournal(sent).subscribe({ complete: () => console.log("nothing is left") }); // nothing is left
 * ```
 */
export function importHopJournal(
  file: Uint8Array | AsyncIterable<Uint8Array>,
  options: ImportHopJournalOptions = {},
): Observable<HopMessage> {
  const { torn = "refuse" } = options;
  checkChoice("torn", torn, ["refuse", "drop"]);
  if (
    !(file instanceof Uint8Array) &&
    typeof (file as Partial<AsyncIterable<Uint8Array>> | null)?.[Symbol.asyncIterator] !== "function"
  )
    throw new TypeError(`'file' must be bytes or a stream of them: current value is ${describeValue(file)}`);
  return new Observable((subscriber) => {
    const chunks = file instanceof Uint8Array ? once(file) : file[Symbol.asyncIterator]();
    subscriber.add(() => void chunks.return?.()?.then(undefined, () => undefined)); // Its own clean-up has nobody left to tell.
    readUnsent(new ChunkReader(chunks), torn, () => subscriber.closed).then(
      (messages) => {
        for (const message of messages) subscriber.next(message);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });
}

async function readUnsent(
  reader: ChunkReader,
  torn: "refuse" | "drop",
  isStopped: () => boolean,
): Promise<Iterable<HopMessage>> {
  const unsent = new Map<number, HopMessage>();
  for (let record = 0; !isStopped(); record++) {
    const start = reader.position;
    const header = await reader.take(headerSize);
    if (header.length === 0) break;
    const found = header.length < headerSize ? undefined : await readBody(reader, header, record, start);
    if (found === undefined) {
      if (torn === "drop") break;
      throw damaged(record, start, "the journal ends within it");
    }
    try {
      note(found.kind, new BodyReader(found.body), unsent);
    } catch (error) {
      throw damaged(record, start, (error as Error).message);
    }
  }
  return [...unsent.values()].sort((a, b) => a.sequence - b.sequence);
}

/** The body of a record; undefined when the journal ends before it does. */
async function readBody(
  reader: ChunkReader,
  header: Uint8Array,
  record: number,
  start: number,
): Promise<{ readonly kind: number; readonly body: Uint8Array } | undefined> {
  const view = new DataView(header.buffer, header.byteOffset, headerSize);
  if (crc32(header.subarray(0, 20)) !== view.getUint32(20))
    throw damaged(record, start, "the checksum of its header is wrong");
  const size = view.getBigUint64(8);
  if (size > maxBodySize) throw damaged(record, start, `it says that it has ${size} bytes`);
  const body = await reader.take(Number(size));
  if (body.length < Number(size)) return undefined;
  if (crc32(body) !== view.getUint32(16)) throw damaged(record, start, "the checksum of its body is wrong");
  return { kind: Number(view.getBigUint64(0)), body };
}

/** Notes what a record says. */
function note(kind: number, body: BodyReader, unsent: Map<number, HopMessage>): void {
  const sequence = body.number("sequence number");
  if (kind === kinds.sent) {
    body.end();
    if (!unsent.delete(sequence))
      throw new RangeError(`it says that message ${sequence} was sent, which was not queued`);
    return;
  }
  if (kind !== kinds.messageV1 && kind !== kinds.messageV2) throw new RangeError(`its type ${kind} is not known`);
  const isSecond = kind === kinds.messageV2;
  const topic = isSecond ? body.text("topic") : undefined;
  const message = body.bytes("message");
  const key = isSecond ? body.bytes("key") : new Uint8Array(0);
  const headers: [string, Uint8Array][] = [];
  const count = body.number("number of headers");
  for (let i = 0; i < count; i++) headers.push([body.text("name of a header"), body.bytes("value of a header")]);
  body.end();
  if (unsent.has(sequence)) throw new RangeError(`its sequence number ${sequence} is taken`);
  unsent.set(sequence, { sequence, topic, message, key: key.length === 0 ? undefined : key, headers });
}

function damaged(record: number, offset: number, reason: string): SluiceError {
  return new SluiceError("ERR_STORAGE", `Record ${record} of the journal, at byte ${offset}, is damaged: ${reason}`, {
    details: { record, offset, reason },
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
