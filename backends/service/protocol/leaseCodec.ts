import { BodyReader, malformed } from "./bodyReader.ts";
import { decodeObject, encodeJson } from "./boundedJson.ts";

/** A lease, as the service tells a member of it. */
export interface LeaseState {
  /** Its number, unique among all leases that a service has given. */
  readonly lease: number;
  readonly partition: number;
  readonly epoch: number;
  readonly position: number | undefined;
  /** Whether it is wanted back. */
  readonly revoked: boolean;
}

/** All leases that a member has now, and how many partitions the topic has. Each message replaces the one before. */
export interface LeasesMessage {
  readonly partitions: number;
  /** Where the partitions are, where several processes share them. */
  readonly places?: unknown;
  readonly leases: readonly LeaseState[];
}

/** Writes `leases`: JSON, `{"partitions": n, "leases": [[lease, partition, epoch, position or null, revoked 0 or 1], …]}`. */
export function encodeLeases({ partitions, places, leases }: LeasesMessage): readonly Uint8Array[] {
  const rows = leases.map(({ lease, partition, epoch, position, revoked }) => [
    lease,
    partition,
    epoch,
    position ?? null,
    revoked ? 1 : 0,
  ]);
  return [encodeJson({ partitions, places, leases: rows })];
}

/** Reads `leases`. @throws SluiceError `ERR_PROTOCOL` when it is not one. */
export function decodeLeases(body: Uint8Array): LeasesMessage {
  const { partitions, places, leases } = decodeObject(body);
  if (!isCount(partitions) || !Array.isArray(leases)) throw malformed("leases that are none");
  return { partitions, places, leases: leases.map(leaseOf) };
}

/** Writes `acknowledge` (f64 lease, f64 position) or `release` (f64 lease). */
export function encodeNumbers(...numbers: readonly number[]): readonly Uint8Array[] {
  const array = Float64Array.from(numbers);
  return [new Uint8Array(array.buffer)];
}

/** Reads as many numbers as there have to be. @throws SluiceError `ERR_PROTOCOL` when they are not integers of at least 0. */
export function decodeNumbers(body: Uint8Array, count: number): number[] {
  const reader = new BodyReader(body);
  const numbers = Array.from({ length: count }, () => reader.count());
  reader.end();
  return numbers;
}

function leaseOf(row: unknown): LeaseState {
  const [lease, partition, epoch, position, revoked] = Array.isArray(row) ? (row as unknown[]) : [];
  if (!isCount(lease) || !isCount(partition) || !isCount(epoch) || !(position === null || isCount(position))) {
    throw malformed("a lease that is none");
  }
  return { lease, partition, epoch, position: position ?? undefined, revoked: revoked === 1 };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
