import { allocate } from "../../../src/model/allocate.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { decodeHeader, headerSize, maxFrameBytes, type FrameHeader } from "./frame.ts";

/** A whole message. */
export interface Message {
  readonly type: number;
  readonly stream: number;
  readonly flags: number;
  /** Memory of its own, aligned to eight bytes; what `target` gave for it otherwise. */
  readonly body: Uint8Array;
}

/** What a decoder asks its owner. */
export interface DecoderHooks {
  /** Takes a whole message. */
  message(message: Message): void;
  /** Throws when a message of this size must not come. Asked before anything is allocated for it. */
  admit(header: FrameHeader, size: number): void;
  /** Memory to put a message into, exactly as large as the message. */
  target?(header: FrameHeader, size: number): readonly Uint8Array[] | undefined;
}

/** A message that is being put together. */
interface Assembly {
  readonly type: number;
  readonly flags: number;
  readonly segments: readonly Uint8Array[];
  rest: number;
  index: number;
  used: number;
  isDiscarded: boolean;
}

/** How many messages may be on their way in pieces at once. */
const maxAssemblies = 4096;

/** From as many bytes on it takes longer to fill memory with zeros than to ask for memory that is not. */
const largeBytes = 4096;

const nothing = new Uint8Array(0);

/**
 * Cuts a stream of bytes into messages. Each length is checked before memory is taken for it, and each message is copied
 * once, into memory of its own: numbers in it have to be aligned, and a message that is kept must not keep the chunk it
 * came in.
 */
export class FrameDecoder {
  readonly #hooks: DecoderHooks;
  readonly #assemblies = new Map<number, Assembly>();
  readonly #header = new Uint8Array(headerSize);
  #headerBytes = 0;
  #frame: FrameHeader | undefined;
  #assembly: Assembly | undefined;
  /** Bytes of the present frame that have not come yet. */
  #missing = 0;

  constructor(hooks: DecoderHooks) {
    this.#hooks = hooks;
  }

  /**
   * Takes the next bytes.
   *
   * @throws SluiceError `ERR_PROTOCOL` when they are not frames, and whatever `admit` throws. Nothing more can be decoded then.
   */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length || (this.#frame !== undefined && this.#missing === 0)) {
      offset = this.#frame === undefined ? this.#takeHeader(chunk, offset) : this.#takeBody(chunk, offset);
    }
  }

  /** Puts nothing more into the memory of a message of which a part has come: nobody waits for it any more. */
  discard(stream: number): void {
    const open = this.#assemblies.get(stream);
    if (open !== undefined) open.isDiscarded = true;
    if (this.#frame?.stream === stream && this.#assembly !== undefined) this.#assembly.isDiscarded = true;
  }

  #takeHeader(chunk: Uint8Array, offset: number): number {
    if (this.#headerBytes === 0 && chunk.length - offset >= headerSize) {
      this.#begin(decodeHeader(chunk, offset));
      return offset + headerSize;
    }
    const count = Math.min(headerSize - this.#headerBytes, chunk.length - offset);
    this.#header.set(chunk.subarray(offset, offset + count), this.#headerBytes);
    this.#headerBytes += count;
    if (this.#headerBytes === headerSize) {
      this.#headerBytes = 0;
      this.#begin(decodeHeader(this.#header, 0));
    }
    return offset + count;
  }

  #begin(header: FrameHeader & { readonly zero: number }): void {
    const { length, rest, stream } = header;
    if (length > maxFrameBytes || header.zero !== 0) throw malformed("a header that cannot be", header);
    if (rest > 0 && length !== maxFrameBytes) throw malformed("a frame that is not full", header);
    const open = this.#assemblies.get(stream);
    this.#assembly = open === undefined ? this.#assemble(header) : goOn(open, header);
    if (rest === 0) this.#assemblies.delete(stream);
    this.#frame = header;
    this.#missing = length;
  }

  #assemble(header: FrameHeader): Assembly {
    const { length, rest, stream, type, flags } = header;
    const size = length + rest;
    this.#hooks.admit(header, size);
    const segments = this.#hooks.target?.(header, size) ?? [memoryFor(size)];
    const assembly = { type, flags, segments, rest: size, index: 0, used: 0, isDiscarded: false };
    if (rest > 0) {
      if (this.#assemblies.size >= maxAssemblies) throw malformed("too many messages at once", header);
      this.#assemblies.set(stream, assembly);
    }
    return assembly;
  }

  #takeBody(chunk: Uint8Array, offset: number): number {
    const count = Math.min(this.#missing, chunk.length - offset);
    if (count > 0) fill(this.#assembly!, chunk.subarray(offset, offset + count));
    this.#missing -= count;
    if (this.#missing === 0) this.#endFrame();
    return offset + count;
  }

  #endFrame(): void {
    const { stream, rest } = this.#frame!;
    const { type, flags, segments } = this.#assembly!;
    this.#frame = undefined;
    this.#assembly = undefined;
    if (rest === 0) this.#hooks.message({ type, stream, flags, body: segments[0] ?? nothing });
  }
}

/** Nobody sees it before it is filled. What is large is not filled with zeros first. */
function memoryFor(size: number): Uint8Array {
  if (size === 0) return nothing;
  return size < largeBytes ? new Uint8Array(size) : allocate(size);
}

function goOn(assembly: Assembly, header: FrameHeader): Assembly {
  if (header.type !== assembly.type) throw malformed("a message inside of another", header);
  if (header.length + header.rest !== assembly.rest) throw malformed("a length that does not fit", header);
  return assembly;
}

function fill(assembly: Assembly, bytes: Uint8Array): void {
  let from = assembly.isDiscarded ? bytes.length : 0;
  while (from < bytes.length) {
    const segment = assembly.segments[assembly.index]!;
    const count = Math.min(bytes.length - from, segment.length - assembly.used);
    segment.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), assembly.used);
    from += count;
    assembly.used += count;
    if (assembly.used < segment.length) break;
    assembly.index++;
    assembly.used = 0;
  }
  assembly.rest -= bytes.length;
}

function malformed(what: string, { length, rest, stream, type }: FrameHeader): SluiceError {
  return new SluiceError("ERR_PROTOCOL", `The other side sent ${what}`, { details: { length, rest, stream, type } });
}
