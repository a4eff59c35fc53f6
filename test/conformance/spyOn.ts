import { defer, finalize, from, tap } from "rxjs";
import type { BackendPartition, BackendTopic, Topic, TopicHandle } from "../../src/index.ts";

/** What a producer or consumer has asked of a backend. @internal */
export interface Seen {
  /** How many events each append had. */
  readonly appends: number[];
  /** How many appends of each partition are waiting for their answer, and the most that were. */
  inFlight: number;
  maxInFlight: number;
  /** How many reads are waiting for their answer. */
  openReads: number;
  /** How many events were read. */
  read: number;
  /** How many bytes of data were asked for. */
  fetched: number;
}

/** A topic whose backend is watched. It behaves as the topic does, and can be handed to `produce` and `consume`. @internal */
export function spyOn<M>({ name, backend, components }: Topic<M>): {
  readonly topic: TopicHandle<M>;
  readonly seen: Seen;
} {
  const seen: Seen = { appends: [], inFlight: 0, maxInFlight: 0, openReads: 0, read: 0, fetched: 0 };
  const partitions = backend.partitions.map((partition) => watched(partition, seen));
  return { topic: { name, backend: overlay<BackendTopic>(backend, { partitions }), components }, seen };
}

function watched(real: BackendPartition, seen: Seen): BackendPartition {
  return overlay(real, {
    append: (batch) =>
      defer(() => {
        seen.appends.push(batch.count);
        seen.maxInFlight = Math.max(seen.maxInFlight, ++seen.inFlight);
        return from(real.append(batch)).pipe(finalize(() => seen.inFlight--));
      }),
    read: (position, limits) =>
      defer(() => {
        seen.openReads++;
        return from(real.read(position, limits)).pipe(
          tap((batch) => (seen.read += batch.count)),
          finalize(() => seen.openReads--),
        );
      }),
    fetch: (reads) => {
      for (const { ranges } of reads) for (let i = 1; i < ranges.length; i += 2) seen.fetched += ranges[i]!;
      return real.fetch(reads);
    },
  });
}

/** An object with some members replaced. The others keep working on the real one, also where they use private fields. */
function overlay<T extends object>(real: T, replaced: Partial<T>): T {
  return new Proxy(real, {
    get(target, key) {
      if (key in replaced) return replaced[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
