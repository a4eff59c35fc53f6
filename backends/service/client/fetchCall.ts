import { Observable } from "rxjs";
import { allocate } from "../../../src/model/allocate.ts";
import type { DataRead } from "../../../src/model/batch.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { encodeFetch, sizeOfRead } from "../protocol/fetchCodec.ts";
import { messageTypes } from "../protocol/frame.ts";
import type { Attachable } from "./call.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** Fetches data. It comes in pieces, each of which goes straight to the memory that it is for. */
export function fetchCall(
  client: ServiceClient,
  topic: Attachable,
  partition: number,
  reads: readonly DataRead[],
): Observable<readonly (readonly Uint8Array[])[]> {
  return new Observable((subscriber) => {
    const answer = reads.map((read) => read.into ?? [allocate(sizeOfRead(read))]);
    const targets = reads.flatMap((read, i) => firstBytes(answer[i]!, sizeOfRead(read)));
    const total = targets.reduce((sum, { length }) => sum + length, 0);
    let received = 0;
    let isOver = false;
    const stream = client.start({
      type: messageTypes.fetch,
      topic,
      channel: "fetch",
      body: () => encodeFetch({ handle: topic.handle, partition, reads }),
      target: (type, size) => {
        if (type !== messageTypes.bytes) return undefined;
        if (size > total - received) throw malformed("more data than was asked for");
        const piece = slice(targets, received, size);
        received += size;
        return piece;
      },
      take: (type) => {
        if (type === messageTypes.bytes) return false;
        if (type !== messageTypes.end || received !== total) throw malformed("less data than was asked for");
        isOver = true;
        subscriber.next(answer);
        subscriber.complete();
        return true;
      },
      fail: (error) => {
        isOver = true;
        subscriber.error(error);
      },
      again: () => {
        received = 0;
        return undefined;
      },
    });
    return () => {
      if (!isOver) client.cancel(stream);
    };
  });
}

/** The first bytes of some segments. */
function firstBytes(segments: readonly Uint8Array[], size: number): Uint8Array[] {
  return slice(segments, 0, size);
}

/** Some of the bytes that lie in segments. Nothing is copied. */
function slice(segments: readonly Uint8Array[], offset: number, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let [skip, left] = [offset, size];
  for (const segment of segments) {
    if (left === 0) break;
    if (skip >= segment.length) {
      skip -= segment.length;
      continue;
    }
    const part = segment.subarray(skip, Math.min(segment.length, skip + left));
    parts.push(part);
    left -= part.length;
    skip = 0;
  }
  return parts;
}
