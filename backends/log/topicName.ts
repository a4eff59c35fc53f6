/** A part of a topic's name that is a file name everywhere: no upper case, no dots, not too long. */
export function stemOf(name: string): string {
  return name.toLowerCase().replaceAll(".", "_").slice(0, 60);
}

/** The directory of the journal of transactions, among those of topics. No other one is called so: they all have a `-` in them. */
export const journalDirectory = "transactions";
