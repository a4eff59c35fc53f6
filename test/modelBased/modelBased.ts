import type { TestFn } from "ava";
import fc from "fast-check";
import type { Retention, TopicConfig } from "../../src/index.ts";
import { seed, withoutFailure } from "../log/trials.ts";
import * as commands from "./commands.ts";
import { assertAll } from "./compare.ts";
import type { Subject } from "./subject.ts";
import { World } from "./world.ts";

/** What is compared with the memory backend. */
export interface ModelBasedOptions {
  readonly test: TestFn;
  readonly label: string;
  /** Makes a backend in which there is nothing. */
  readonly make: () => Promise<Subject>;
  /** How many sequences of commands. */
  readonly sequences: number;
}

const retentions: readonly (Retention | undefined)[] = [
  undefined,
  { acknowledgedBy: ["app"] },
  { acknowledgedBy: ["app", "other"] },
];

/**
 * Compares a backend with the memory backend, by sequences of commands that fast-check chooses and, when one of them
 * fails, makes short. What it prints then, seed and path, replays it.
 */
export function modelBased({ test, label, make, sequences }: ModelBasedOptions): void {
  test(`${label}: ${sequences} sequences of commands come to the same as in memory`, async (t) => {
    t.timeout(8 * 3_600_000);
    const property = fc.asyncProperty(
      fc.commands(Object.values(commands), { maxCommands: 40, size: "max" }),
      fc.constantFrom(...retentions),
      fc.integer({ min: 1, max: 3 }),
      async (sequence, retention, partitions) => {
        const subject = await make();
        try {
          const world = await World.make(subject, configOf(partitions, retention));
          await fc.asyncModelRun(() => ({ model: {}, real: world }), sequence);
          world.leaveAll();
          await assertAll(world);
        } finally {
          await subject.dispose();
        }
      },
    );
    await fc.assert(property, { numRuns: sequences, seed });
    t.log(withoutFailure(sequences, "sequences"));
    t.pass();
  });
}

function configOf(partitions: number, retention: Retention | undefined): TopicConfig {
  return {
    partitions,
    components: {
      validator: { type: "accept-all" },
      partitionSelector: { type: "round-robin" },
      serializer: { type: "json" },
    },
    ...(retention && { retention }),
  };
}
