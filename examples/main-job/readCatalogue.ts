import { readFile } from "node:fs/promises";
import type { Quake } from "./quake.ts";

/** The parts of the GeoJSON that are used here. */
interface Catalogue {
  readonly features: readonly Feature[];
}

interface Feature {
  readonly id: string;
  readonly properties: {
    readonly type: string;
    readonly time: number;
    readonly place: string;
    readonly net: string;
    readonly mag: number;
    readonly gap: number | null;
  };
  readonly geometry: { readonly coordinates: readonly [longitude: number, latitude: number, depth: number] };
}

/** An entry of the catalogue. Which pass of the replay it belongs to is not known yet. */
export type CatalogueEntry = Omit<Quake, "pass">;

/** Reads the earthquakes of one week, as the USGS has published them, from the package `vega-datasets`. */
export async function readCatalogue(): Promise<readonly CatalogueEntry[]> {
  const path = new URL("../data/earthquakes.json", import.meta.resolve("vega-datasets"));
  const { features } = JSON.parse(await readFile(path, "utf8")) as Catalogue;
  // The week begins with its oldest event. The file begins with the youngest.
  return features.map(entryOf).toReversed();
}

function entryOf({ id, properties, geometry }: Feature): CatalogueEntry {
  const { type, time, place, net, mag, gap } = properties;
  const [longitude, latitude, depth] = geometry.coordinates;
  // What a file says is a claim. The compiler is told to believe it, and the validator of the topic checks it.
  const kind = type as Quake["kind"];
  return { id, kind, time, place, network: net, longitude, latitude, depth, magnitude: mag, gap };
}
