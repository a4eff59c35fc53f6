import { SluiceError } from "../../../src/model/errors.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { maxFrameBytes, messageTypes } from "../protocol/frame.ts";
import type { Load } from "./load.ts";
import type { ServiceLimits } from "./options.ts";

/** The largest message that is no batch: a fetch of a million ranges takes 16 MiB. */
const maxRequest = 20 << 20;

/** Whether a message brings events, and is held until they are stored. */
export function isOfBatches(type: number): boolean {
  return type === messageTypes.append || type === messageTypes.transact;
}

/** Counts the bytes that one connection keeps the service holding, and stops reading from it when there is no room. */
export class HeldBytes {
  readonly #load: Load;
  readonly #wire: { pause(): void; resume(): void };
  /** Messages that are on their way. */
  readonly #coming = new Map<number, number>();
  /** Messages that have come and are being dealt with. */
  readonly #unanswered = new Map<number, number>();
  #held = 0;
  /** How many reasons there are to read nothing. */
  #pauses = 0;
  #isWaiting = false;
  #isClosed = false;

  constructor(load: Load, wire: { pause(): void; resume(): void }) {
    this.#load = load;
    this.#wire = wire;
  }

  /** Counts a message that has begun. @throws SluiceError when it is too large, or there is too much already. */
  admit(type: number, stream: number, size: number, { message, window }: ServiceLimits): void {
    const isBatch = isOfBatches(type);
    const most = isBatch ? message : maxRequest;
    if (size > most) {
      throw new SluiceError("ERR_TOO_LARGE", `A message of ${size} bytes is more than ${most}`, {
        details: { size, most },
      });
    }
    if (!isBatch && size <= maxFrameBytes) return; // It is dealt with as soon as it has come.
    if (this.#held > window)
      throw new SluiceError("ERR_LIMIT", "The client does not keep to its window", { details: { limit: "window" } });
    if (this.#coming.has(stream) || this.#unanswered.has(stream)) throw malformed("a stream that is in use");
    this.#coming.set(stream, size);
    this.#held += size;
    if (this.#load.hold(size) || this.#isWaiting) return;
    this.#isWaiting = true;
    const resume = this.pause();
    this.#load.whenRoom(() => {
      this.#isWaiting = false;
      resume();
    });
  }

  /** Reads nothing until the function that it returns is called, and none of the other reasons is left. */
  pause(): () => void {
    if (this.#pauses++ === 0) this.#wire.pause();
    return () => {
      if (--this.#pauses === 0 && !this.#isClosed) this.#wire.resume();
    };
  }

  /** A message has come whole. It counts until it is answered. */
  arrived(stream: number): void {
    const size = this.#coming.get(stream);
    if (size === undefined) return;
    this.#coming.delete(stream);
    this.#unanswered.set(stream, size);
  }

  /** A request has been answered, so that nothing of it is held any more. */
  answered(stream: number): void {
    const size = this.#unanswered.get(stream);
    if (size === undefined) return;
    this.#unanswered.delete(stream);
    this.#held -= size;
    this.#load.release(size);
  }

  /** Counts out what will never come. What has come is counted until it is stored. */
  close(): void {
    this.#isClosed = true;
    for (const size of this.#coming.values()) this.#load.release(size);
    this.#coming.clear();
  }
}
