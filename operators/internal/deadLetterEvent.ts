import { defer, map, type Observable } from "rxjs";
import { metadataAt } from "../../src/model/batch.ts";
import type { EventInput } from "../../src/model/draft.ts";
import { isSluiceError } from "../../src/model/errors.ts";
import type { StreamEvent } from "../../src/model/event.ts";
import { innerFrom } from "./innerFrom.ts";

/** The metadata of an event in a dead-letter topic. */
export interface DeadLetterMetadata<M = unknown> {
  /** The metadata of the event that could not be handled; null where it cannot be decoded. */
  readonly metadata: M;
  /** The metadata as it was stored, in Base64, where it cannot be decoded. */
  readonly undecodable?: string;
  /** Where it came from. */
  readonly origin: {
    /** Its topic. */
    readonly topic: string;
    /** Its partition. */
    readonly partition: number;
    /** Its id. */
    readonly id: number;
    /** When it was pushed, in milliseconds since 1970. */
    readonly timestamp: number;
  };
  /** Why it could not be handled. */
  readonly error: {
    /** The error's name. */
    readonly name: string;
    /** The error's message. */
    readonly message: string;
    /** The error's code, when it has one. */
    readonly code?: string;
  };
}

/** The event that a dead-letter topic gets for one that could not be handled: all of its data, where it came from and why. @internal */
export function deadLetterEvent<M>({
  event,
  error,
}: {
  readonly event: StreamEvent<M>;
  readonly error: unknown;
}): Observable<EventInput<DeadLetterMetadata<M>>> {
  return defer(() => innerFrom(event.fetchData())).pipe(
    map((data) => {
      const { topic: name, partition, id, timestamp } = event;
      const origin = { topic: name, partition, id, timestamp };
      return { metadata: { ...contentOf(event), origin, error: errorFacts(error) }, data };
    }),
  );
}

/** What an event says, or what was stored of it where that cannot be made out. */
function contentOf<M>(event: StreamEvent<M>): Pick<DeadLetterMetadata<M>, "metadata" | "undecodable"> {
  try {
    return { metadata: event.metadata };
  } catch (error) {
    if (!isSluiceError(error, "ERR_UNDECODABLE")) throw error;
    return { metadata: null as M, undecodable: base64Of(metadataAt(event.source.batch, event.index)) };
  }
}

/** `btoa` takes a string of which each character is a byte. A large one is made in parts: a call has a bound on its arguments. */
function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function errorFacts(error: unknown): DeadLetterMetadata["error"] {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, code } = error as Error & { readonly code?: unknown };
  return typeof code === "string" ? { name, message, code } : { name, message };
}
