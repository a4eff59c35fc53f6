import { schema, type InferMetadata } from "sluice";

/**
 * What the metadata of an event must be. The catalogue has entries that break each of the rules: explosions and quarry
 * blasts, magnitudes below 0, depths above sea level, and places that the stations saw from one side only.
 */
export const quakeSchema = schema({
  type: "object",
  properties: {
    id: { type: "string" },
    pass: { type: "integer", minimum: 0 },
    kind: { const: "earthquake" },
    time: { type: "integer" },
    place: { type: "string" },
    network: { type: "string", minLength: 2 },
    longitude: { type: "number", minimum: -180, maximum: 180 },
    latitude: { type: "number", minimum: -90, maximum: 90 },
    depth: { type: "number", minimum: 0 },
    magnitude: { type: "number", minimum: 0 },
    gap: { type: ["number", "null"], maximum: 300 },
  },
  required: ["id", "pass", "kind", "time", "place", "network", "longitude", "latitude", "depth", "magnitude", "gap"],
  additionalProperties: false,
});

/** The metadata of an event, as the schema says. */
export type Quake = InferMetadata<typeof quakeSchema>;
