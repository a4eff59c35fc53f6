// A Zod schema is the validator of a topic, and the types of what is pushed and of what comes back are taken from it.
// They differ: the schema fills in a detector and tidies the labels up.

import { from, lastValueFrom } from "rxjs";
import { connect, schema, type InferInput, type InferMetadata } from "sluice";
import { produce } from "sluice/operators";
import * as z from "zod";

const collision = schema(
  z.object({
    energy: z.number().min(0).max(100),
    detector: z.enum(["ecal", "hcal"]).default("ecal"),
    labels: z.array(z.string().trim().toLowerCase()).default([]),
  }),
);
type Pushed = InferInput<typeof collision>; // { energy: number; detector?: "ecal" | "hcal"; labels?: string[] }
type Stored = InferMetadata<typeof collision>; // { energy: number; detector: "ecal" | "hcal"; labels: string[] }

// @ts-expect-error The compiler knows the detectors.
const unknownDetector: Pushed = { energy: 1, detector: "tracker" };
// @ts-expect-error And it knows that there is an energy.
const noEnergy: Pushed = { detector: "ecal" };
const events: readonly Pushed[] = [
  { energy: 42 },
  unknownDetector,
  noEnergy,
  { energy: 7, detector: "hcal", labels: [" Muon ", "TAGGED"] },
];

const driver = await connect("memory:");
const topic = await driver.createTopic("collisions", { validator: collision });

// What the compiler has not seen, the validator refuses.
const refuse = (error: unknown) => console.log(`Refused: ${error instanceof Error ? error.message : String(error)}`);
await lastValueFrom(
  from(events.map((metadata) => ({ metadata }))).pipe(
    produce(topic, { rejected: { next: ({ error }) => refuse(error) } }),
  ),
);

const describe = ({ energy, detector, labels }: Stored) =>
  `energy ${energy} in ${detector}, labels [${labels.join(", ")}]`;
await topic.consumer("reader", { until: "end" }).process((event) => console.log(describe(event.metadata)));
await driver.close();
