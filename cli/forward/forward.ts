import { hostname } from "node:os";
import { fromEvent, lastValueFrom, merge, of, type Observable } from "rxjs";
import { acceptAll, isSluiceError, roundRobin, type Driver, type Topic } from "sluice";
import type { DeadLetterMetadata } from "sluice/operators";
import { CommandError } from "../commandError.ts";
import { readConfigFile } from "../configFile.ts";
import { parseSelection } from "../consume/parseSelection.ts";
import { driverUrl } from "../driverUrl.ts";
import type { JsonObject } from "../dottedOptions.ts";
import type { Invocation } from "../invocation.ts";
import { progressBar } from "../progressBar.ts";
import { openBare } from "../topic/openBare.ts";
import { formatCount, plural } from "../units.ts";
import { forwardConfig, type ForwardConfig, type ForwardPolicy, type TopicPlace } from "./forwardConfig.ts";
import { forwardTopic } from "./forwardTopic.ts";

/** The flags of `sluice forward`. */
export interface ForwardFlags {
  /** A file that says everything. */
  readonly config?: string | undefined;
  /** The topic that events come from. */
  readonly from?: string | undefined;
  /** The topic that they go to. */
  readonly to?: string | undefined;
  /** The backend of the target. */
  readonly toDriver?: string | undefined;
  /** Where rejected events go. */
  readonly deadLetter?: string | undefined;
  /** The other keys of a way in the configuration. */
  readonly [key: string]: string | boolean | undefined;
}

/** What has happened so far. */
interface Counts {
  forwarded: number;
  rejected: number;
}

/** Forwards events between topics, until it is asked to stop or the ways come to their ends. */
export async function forward(invocation: Invocation, flags: ForwardFlags): Promise<void> {
  const { terminal, output, stopping } = invocation;
  const config = await configOf(invocation, flags);
  invocation.stopOnSignal();
  const drivers = new Map<string, Driver>();
  const { drivers: places } = config;
  for (const [name, { url, options }] of places) drivers.set(name, await invocation.connectTo(url, options));

  const counts: Counts = { forwarded: 0, rejected: 0 };
  const stop: Observable<unknown> = stopping.aborted ? of(true) : fromEvent(stopping, "abort");
  const ways = await Promise.all(
    config.policies.map((policy) => start(policy, drivers, { invocation, stop, counts, places })),
  );
  const clear = output.isJson
    ? () => {}
    : progressBar(terminal, () => ({ part: undefined, text: `${formatCount(counts.forwarded)} forwarded` }));
  try {
    await lastValueFrom(merge(...ways), { defaultValue: undefined });
  } finally {
    clear();
  }
  if (output.isJson) output.line(JSON.stringify(counts));
  else output.note(`Forwarded ${plural(counts.forwarded, "event")}, ${formatCount(counts.rejected)} refused.`);
}

/** The configuration of a file, or one way that the flags say. */
async function configOf(invocation: Invocation, flags: ForwardFlags): Promise<ForwardConfig> {
  const { terminal, globals } = invocation;
  const { config, from, to, toDriver, deadLetter, ...rest } = flags;
  if (config !== undefined) {
    if (from !== undefined || to !== undefined) throw new CommandError("--config and --from/--to exclude each other");
    return forwardConfig(await readConfigFile(config, terminal.cwd), Date.now());
  }
  if (from === undefined || to === undefined) {
    throw new CommandError("Nothing to forward is named", { hint: "give --config, or --from and --to" });
  }
  const source = driverUrl(globals, terminal);
  const options = invocation.group("driver");
  const drivers: JsonObject =
    toDriver === undefined
      ? { source: { url: source, options } }
      : { source: { url: source, options }, target: { url: toDriver, options: invocation.group("to-driver") } };
  const target = toDriver === undefined ? "source" : "target";
  const way = {
    ...rest,
    from: `source/${from}`,
    to: `${target}/${to}`,
    ...(deadLetter !== undefined && { deadLetter: `${target}/${deadLetter}` }),
  };
  return forwardConfig({ drivers, forward: [way] }, Date.now());
}

interface Around {
  readonly invocation: Invocation;
  readonly stop: Observable<unknown>;
  readonly counts: Counts;
  readonly places: ForwardConfig["drivers"];
}

async function start(
  policy: ForwardPolicy,
  drivers: ReadonlyMap<string, Driver>,
  { invocation, stop, counts, places }: Around,
): Promise<Observable<never>> {
  const { output, terminal } = invocation;
  const source = await driverAt(drivers, policy.from).openTopic(policy.from.topic, {
    validator: acceptAll(),
    partitionSelector: roundRobin(),
  });
  const target = await openTarget(policy, drivers);
  const way = `${policy.from.driver}/${policy.from.topic} to ${policy.to.driver}/${policy.to.topic}`;
  output.note(`Forwarding ${way} as ${policy.name}.`);
  let lastProblem = "";
  return forwardTopic(source, target, {
    ...policy,
    origin: originOf(places.get(policy.from.driver)!.url),
    dataSelector: (await parseSelection(policy.select, terminal.cwd)) ?? (() => null),
    rejected: typeof policy.rejected === "string" ? policy.rejected : await deadLetterTopic(policy.rejected, drivers),
    stop,
    report: {
      forwarded: () => {
        counts.forwarded++;
        lastProblem = "";
      },
      rejected: (event, error) => {
        counts.rejected++;
        output.warn(`Event ${event.id} of partition ${event.partition} of ${way}: ${(error as Error).message}`);
      },
      retrying: (error) => {
        const problem = (error as Error).message;
        // A target that is away for an hour is one line, not a thousand.
        if (problem !== lastProblem) output.warn(`${way}: ${problem}; trying again`);
        lastProblem = problem;
      },
    },
  });
}

/** What is on this machine is named like something else on another machine. */
function originOf(url: string): string {
  const host = /^\w+:\/\/(\[[^\]]*\]|[^:/]*)/.exec(url)?.[1] ?? "";
  return /^($|localhost$|127\.|\[::1\])/.test(host) ? `${hostname()} ${url}` : url;
}

function driverAt(drivers: ReadonlyMap<string, Driver>, { driver }: TopicPlace): Driver {
  return drivers.get(driver)!; // The configuration was checked for it.
}

async function openTarget({ create, from, to }: ForwardPolicy, drivers: ReadonlyMap<string, Driver>): Promise<Topic> {
  const driver = driverAt(drivers, to);
  try {
    return await driver.openTopic(to.topic);
  } catch (error) {
    if (!create || !isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) throw error;
  }
  const { components, retention, partitions } = await (await openBare(driverAt(drivers, from), from.topic)).describe();
  return driver.createTopic(to.topic, { ...components, retention, partitions: partitions.length });
}

async function deadLetterTopic(
  place: TopicPlace,
  drivers: ReadonlyMap<string, Driver>,
): Promise<Topic<DeadLetterMetadata>> {
  const driver = driverAt(drivers, place);
  if (await driver.topicExists(place.topic)) return driver.openTopic<DeadLetterMetadata>(place.topic);
  return driver.createTopic<DeadLetterMetadata>(place.topic);
}
