/** Metadata whose JSON text takes 128 bytes on average, and the schema that describes it. */
export interface Reading {
  readonly id: number;
  readonly station: string;
  readonly energy: number;
  readonly kind: string;
  readonly magnitude: number;
  readonly depth: number;
  readonly note: string;
}

/** One event. */
export function reading(i: number): Reading {
  return {
    id: 100_000 + i,
    station: `s${10 + (i % 90)}`,
    energy: 10 + (i % 90),
    kind: "earthquake",
    magnitude: 4.5,
    depth: 33.1,
    note: "abcdefghijklmnopqrstuvwxyz01",
  };
}

/** Events made before the clock starts. */
export function readings(count: number): Reading[] {
  return Array.from({ length: count }, (_, i) => reading(i));
}

/** The schema of the events, for runs that validate. */
export const readingSchema = {
  type: "object",
  properties: {
    id: { type: "integer", minimum: 0 },
    station: { type: "string" },
    energy: { type: "integer", minimum: 0, maximum: 99 },
    kind: { enum: ["earthquake", "explosion"] },
    magnitude: { type: "number" },
    depth: { type: "number" },
    note: { type: "string" },
  },
  required: ["id", "station", "energy", "kind", "magnitude", "depth", "note"],
} as const;
