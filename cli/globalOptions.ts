import { InvalidArgumentError, type Command } from "commander";

/** Adds the options that every command takes. They may stand anywhere on the command line. */
export function addGlobalOptions(program: Command): Command {
  return program
    .option("-d, --driver <url>", "the backend: log:./data, sluice://host:port, kafka://… (or set SLUICE_DRIVER)")
    .option("--driver-config <file>", "options for the backend (JSON, TOML or YAML), beneath --driver.<option>")
    .option("-g, --groupfile <file>", "the group file of a running service, instead of --driver")
    .option("--json", "write results as JSON, for programs")
    .option("--verbose", "show what is underneath an error");
}

/** Reads a whole number of an option. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number of at least ${min}.`
        : `It must be from ${min} to ${max}.`,
    );
  };
}

/** Reads a whole number of an option that may be given several times. */
export function integers(min: number): (text: string, before?: readonly number[]) => readonly number[] {
  const read = integer(min);
  return (text, before = []) => [...before, ...text.split(",").map(read)];
}

/** Reads `adaptive` or a number of events. */
export function batchSize(text: string): number | "adaptive" {
  return text === "adaptive" ? text : integer(1)(text);
}
