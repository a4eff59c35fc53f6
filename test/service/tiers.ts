/** How much a test does: more under `npm run soak`, and as much as an environment variable says. */
export function amount(variable: string, { quick, soak }: { readonly quick: number; readonly soak: number }): number {
  const said = process.env[variable];
  if (said !== undefined) return Number(said);
  return process.env["SLUICE_TIER"] === "soak" ? soak : quick;
}
