import type { EventData } from "../model/data.ts";
import { SluiceError } from "../model/errors.ts";

// A buffer can be moved to a thread only when nobody else looks at it meanwhile, for moving empties all views over it.
// Nobody can be asked, but every buffer that a pool is given is noted, in all pools together:
// one that is given twice, or that came back from a thread (a stored event may hold it now), is copied from then on.
const given = new WeakSet<ArrayBufferLike>();
const shared = new WeakSet<ArrayBufferLike>();

/** Where the bytes of a moved buffer are now, or will be once they are back. */
const homes = new WeakMap<ArrayBufferLike, Promise<Uint8Array>>();

/** Data made ready for a message to a thread. @internal */
export interface PackedData {
  /** The segments to post. */
  readonly segments: readonly Uint8Array[];
  /** What goes into the message's transfer list. */
  readonly transfer: readonly ArrayBuffer[];
  /** Which segments belong to the event, and so have to come back. */
  readonly moved: readonly number[];
  /** Call once the message has been posted: its moved segments are away from here on. */
  send(): DataAway;
}

/** Data that is with a thread. @internal */
export interface DataAway {
  /** Whether the thread has it alone, because it was moved there. */
  readonly isMoved: boolean;
  /** Puts segments that came back into their event again. False when they did not: the data is lost. */
  comeBack(segments: readonly Uint8Array[] | undefined): boolean;
}

/**
 * Notes that a task was given this data, and waits for those of its buffers that another task has moved.
 *
 * @returns Nothing, or a promise to wait for before the data is packed.
 * @throws SluiceError `ERR_DATA_CHANGED` when a buffer was detached by somebody else. @internal
 */
export function takeData(data: EventData): Promise<void> | undefined {
  // An event's data holds no empty segment, so one that is empty now has been detached.
  if (data.segments.every((segment) => segment.length > 0)) {
    for (const segment of data.segments) note(segment.buffer);
    return undefined;
  }
  return recall(data);
}

/** Makes data ready to be posted. With `copy`, nothing is moved. @internal */
export function packData(data: EventData, copy = false): PackedData {
  const transfer: ArrayBuffer[] = [];
  const moved: number[] = [];

  const segments = data.segments.map((segment, index) => {
    if (!copy && isMovable(segment)) {
      transfer.push(segment.buffer);
      moved.push(index);
      return segment;
    }
    if (isShared(segment.buffer)) return segment;
    const bytes = copyBytes(segment);
    transfer.push(bytes.buffer);
    return bytes;
  });
  const originals = moved.map((index) => (segments[index] as Uint8Array).buffer);

  return { segments, transfer, moved, send: () => sendAway(data, moved, originals) };
}

/** The bytes of a view in a buffer of their own: to clone the view would clone all of the buffer behind it. @internal */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function sendAway(data: EventData, moved: readonly number[], originals: readonly ArrayBufferLike[]): DataAway {
  if (moved.length === 0) return { isMoved: false, comeBack: () => true };
  let arrive!: (segments: readonly Uint8Array[]) => void;
  let lose!: (error: SluiceError) => void;
  const arrival = new Promise<readonly Uint8Array[]>((resolve, reject) => {
    arrive = resolve;
    lose = reject;
  });
  for (const [i, original] of originals.entries()) {
    const home = arrival.then((segments) => segments[i] as Uint8Array);
    home.catch(() => {}); // Most often nobody asks.
    homes.set(original, home);
  }

  function comeBack(segments: readonly Uint8Array[] | undefined): boolean {
    if (segments === undefined) {
      lose(new SluiceError("ERR_COMPONENT", "The data was lost with the thread that held it"));
      return false;
    }
    for (const [i, segment] of segments.entries()) {
      given.add(segment.buffer);
      shared.add(segment.buffer);
      putBack(data, moved[i] as number, segment);
    }
    arrive(segments);
    return true;
  }
  return { isMoved: true, comeBack };
}

async function recall(data: EventData): Promise<void> {
  for (const [index, { length, buffer }] of data.segments.entries()) {
    if (length > 0) continue;
    const home = homes.get(buffer);
    if (home === undefined) throw detached();
    // Another task with this same data may have put it back while this one waited.
    const segment = await home;
    if (data.segments[index]?.length === 0) putBack(data, index, segment);
  }
  // A detached view has forgotten which part of its buffer it was: only one of the whole buffer can be put back.
  const size = data.segments.reduce((sum, segment) => sum + segment.length, 0);
  if (size !== data.size) throw detached();
  for (const segment of data.segments) note(segment.buffer);
}

/** Segments are read-only to everybody else: here the same bytes, in their new place, take the place of the detached ones. */
function putBack(data: EventData, index: number, segment: Uint8Array): void {
  (data.segments as Uint8Array[])[index] = segment;
}

function note(buffer: ArrayBufferLike): void {
  if (given.has(buffer)) shared.add(buffer);
  else given.add(buffer);
}

function isMovable(segment: Uint8Array): segment is Uint8Array<ArrayBuffer> {
  const { buffer } = segment;
  return !isShared(buffer) && segment.length === buffer.byteLength && !shared.has(buffer);
}

function isShared(buffer: ArrayBufferLike): buffer is SharedArrayBuffer {
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}

function detached(): SluiceError {
  return new SluiceError(
    "ERR_DATA_CHANGED",
    "The event's data was detached before a thread could get it. Was its ArrayBuffer transferred elsewhere, " +
      "or pushed in parts of which another event was the whole?",
  );
}
