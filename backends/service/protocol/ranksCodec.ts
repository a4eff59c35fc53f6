import type { BackendTopic, PartitionPlace, TopicRanks } from "../../../src/model/backend.ts";
import { malformed } from "./bodyReader.ts";

/** Where the partitions of a topic are, as a client of a service of several processes is told. */
export interface RanksDescription extends TopicRanks {
  /** The rank that was asked, and where clients reach each of them; undefined when all of it is to go by the one that was asked. */
  readonly reach: RankReach | undefined;
}

/** How a client gets from one process of a service to the others. */
export interface RankReach {
  /** The rank of the process that was asked. */
  readonly asked: number;
  /** Names this run of the service, over all its processes. */
  readonly service: string;
  /** The addresses of each rank. */
  readonly addresses: readonly (readonly string[])[];
}

/** What a process of a service knows of itself and the others. */
interface Asked {
  readonly rank: number;
  readonly service: string;
  readonly addresses: () => readonly (readonly string[])[];
}

/** Writes where partitions are: `{"count": n, "places": [[rank, partition], …], "asked": rank or null, "service": name or null, "addresses": [[url, …], …] or null}`; null for one process. */
export function describeRanks({ ranks }: BackendTopic, asked: Asked | undefined): unknown {
  if (ranks === undefined) return null;
  const { count } = ranks;
  const reach = { asked: asked?.rank ?? null, service: asked?.service ?? null, addresses: asked?.addresses() ?? null };
  return { count, places: rowsOf(ranks), ...reach };
}

/** Writes the places of a topic's partitions: a list of `[rank, partition]`; undefined where one process has them all. */
export function describePlaces({ ranks }: BackendTopic): unknown {
  return ranks && rowsOf(ranks);
}

/** Reads what {@link describeRanks} has written. @throws SluiceError `ERR_PROTOCOL` when it is something else. */
export function readRanks(value: unknown): RanksDescription | undefined {
  if (value === null || value === undefined) return undefined;
  const { count, places } = value as Record<string, unknown>;
  if (!isCount(count)) throw malformed("ranks that are none");
  return { count, places: readPlaces(places) ?? [], reach: readReach(value as Record<string, unknown>) };
}

function readReach({ asked, service, addresses }: Record<string, unknown>): RankReach | undefined {
  if (asked === null) return undefined;
  if (!isCount(asked) || typeof service !== "string" || !isListOfLists(addresses)) {
    throw malformed("addresses that are none");
  }
  return { asked, service, addresses };
}

/** Reads what {@link describePlaces} has written. @throws SluiceError `ERR_PROTOCOL` when it is something else. */
export function readPlaces(value: unknown): readonly PartitionPlace[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw malformed("places that are none");
  return value.map((row: unknown) => {
    const [rank, partition] = Array.isArray(row) ? (row as unknown[]) : [];
    if (!isCount(rank) || !isCount(partition)) throw malformed("a place that is none");
    return { rank, partition };
  });
}

function rowsOf({ places }: TopicRanks): readonly (readonly [number, number])[] {
  return places.map(({ rank, partition }) => [rank, partition]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isListOfLists(value: unknown): value is readonly (readonly string[])[] {
  return (
    Array.isArray(value) && value.every((list) => Array.isArray(list) && list.every((each) => typeof each === "string"))
  );
}
