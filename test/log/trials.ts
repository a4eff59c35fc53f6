/** How thorough a run is: in `npm test`, in the suites of `npm run test:crash`, or as long as `npm run soak`. */
export type Tier = "quick" | "crash" | "soak";

const tiers: readonly Tier[] = ["quick", "crash", "soak"];

/** The tier of this run, from `SLUICE_TIER`. */
export const tier: Tier = tiers.find((each) => each === process.env["SLUICE_TIER"]) ?? "quick";

/** Where the dice begin, from `SLUICE_SEED`. The same seed makes the same choices. */
export const seed = Number(process.env["SLUICE_SEED"] ?? 1);

/** A number of trials for each tier; `SLUICE_TRIALS` overrides all of them. */
export function trials(counts: Readonly<Record<Tier, number>>): number {
  return Number(process.env["SLUICE_TRIALS"] ?? counts[tier]);
}

/** What a number of trials without a failure says: the chance of one is below 3/N, with 95 percent confidence. */
export function withoutFailure(count: number, what: string): string {
  const date = new Date().toISOString().slice(0, 10);
  return `${count} ${what}, 0 failures: below ${(3 / count).toExponential(1)} each (95 %), seed ${seed}, ${date}`;
}
