import type { Command } from "commander";
import { nearestName } from "../src/components/nearestName.ts";
import { CommandError } from "./commandError.ts";
import { isObject } from "./dottedOptions.ts";
import { refuseSecrets } from "./driverOptions.ts";
import type { Invocation } from "./invocation.ts";

/** Does the work of a command. It may answer with an exit code other than 0. */
export type Action<Options> = (
  invocation: Invocation,
  options: Options,
  ...args: (string | undefined)[]
) => Promise<number | void>;

/** What an action needs of the program around it. */
export interface ActionHost {
  /** Makes the invocation, once the command line has been read. */
  readonly begin: (command: Command) => Invocation;
  /** Told the exit code. */
  readonly end: (code: number) => void;
}

/** What a command is made of, beside its arguments and options. */
export interface ActionOptions<Options> {
  /** The dotted options that it takes, such as `validator` for `--validator.schema`, each with what it is for. */
  readonly groups?: Readonly<Record<string, string>> | undefined;
  /** Does the work. It loads its code when it is called, so that `--help` stays fast. */
  readonly action: Action<Options>;
}

const groupsOf = new WeakMap<Command, Readonly<Record<string, string>>>();

/** Gives a command its action: what it does, between connecting and closing. */
export function withAction<Options>(
  host: ActionHost,
  command: Command,
  { groups = {}, action }: ActionOptions<Options>,
): Command {
  const all = { driver: "options for the backend", ...groups };
  groupsOf.set(command, all);
  return command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2) as (string | undefined)[];
    const invocation = host.begin(command);
    checkGroups(Object.keys(invocation.groups), Object.keys(all));
    refuseSecretsOf(invocation);
    host.end((await act(invocation, () => action(invocation, command.opts() as Options, ...args))) ?? 0);
  });
}

/** The dotted options of a command, for its help. */
export function dottedGroupsOf(command: Command): Readonly<Record<string, string>> {
  return groupsOf.get(command) ?? {};
}

/** Closes the connections in any case; what the work has failed with goes first. */
async function act(invocation: Invocation, work: () => Promise<number | void>): Promise<number | void> {
  let failure: { readonly error: unknown } | undefined;
  try {
    return await work();
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    await invocation.close().catch((error: unknown) => {
      if (failure === undefined) throw error;
    });
  }
}

/** Of the groups that are options of a backend. */
function refuseSecretsOf({ groups }: Invocation): void {
  for (const [name, group] of Object.entries(groups)) {
    if (/(^|-)driver$/.test(name) && isObject(group)) refuseSecrets(name, group);
  }
}

function checkGroups(given: readonly string[], known: readonly string[]): void {
  for (const name of given) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    throw new CommandError(`There is no option --${name}.…, did you mean --${nearest}.…?`);
  }
}
