import type { StartFrom, Until } from "sluice";
import type { RetryOptions } from "sluice/operators";
import { checkKeys } from "../checkKeys.ts";
import { CommandError } from "../commandError.ts";
import { parseStart, parseUntil } from "../consume/parseStart.ts";
import { isObject, type JsonObject, type JsonValue } from "../dottedOptions.ts";

/** A backend of a forward. */
export interface DriverConfig {
  /** Its URL. */
  readonly url: string;
  /** Options for it. */
  readonly options: JsonObject;
}

/** A topic of a backend. */
export interface TopicPlace {
  /** The name of the driver. */
  readonly driver: string;
  /** The name of the topic. */
  readonly topic: string;
}

/** One way that events go. */
export interface ForwardPolicy {
  /** Where they come from. */
  readonly from: TopicPlace;
  /** Where they go. */
  readonly to: TopicPlace;
  /** The name of the consumer. */
  readonly name: string;
  /** Which data goes along. */
  readonly select: string;
  /** Whether events keep the number of their partition. */
  readonly partition: "keep" | "select";
  /** Whether a target that is missing is created like the source. */
  readonly create: boolean;
  /** What becomes of an event that the target refuses. */
  readonly rejected: "fail" | "skip" | TopicPlace;
  /** What becomes of an event that cannot be read; undefined: it goes where refused events go. */
  readonly undecodable: "fail" | "skip" | undefined;
  /** Where to start when it has never run. */
  readonly startFrom: StartFrom;
  /** When to end. */
  readonly until?: Until | undefined;
  /** How often and when what has failed is tried again. */
  readonly retry: RetryOptions;
}

/** Everything that one command forwards. */
export interface ForwardConfig {
  /** Backends by name. */
  readonly drivers: ReadonlyMap<string, DriverConfig>;
  /** The ways. */
  readonly policies: readonly ForwardPolicy[];
}

const keys = [
  "from",
  "to",
  "name",
  "select",
  "partition",
  "create",
  "deadLetter",
  "rejected",
  "undecodable",
  "startFrom",
  "until",
  "retry",
];

/**
 * Reads the configuration of a forward: `drivers`, each a URL or `{ url, options }`, and `forward`, a list of ways with `from` and
 * `to` as `driver/topic`.
 *
 * @param config - As it was read of a file.
 * @param now - The present, in milliseconds since 1970, for times such as `10m`.
 * @throws CommandError that names what is wrong.
 */
export function forwardConfig(config: JsonObject, now: number): ForwardConfig {
  checkKeys("the configuration", config, ["drivers", "forward"]);
  const { drivers: given = {}, forward = [] } = config;
  if (!isObject(given)) throw new CommandError("drivers must be a table of names");
  const drivers = new Map(Object.entries(given).map(([name, driver]) => [name, driverOf(name, driver)]));
  const list = (Array.isArray(forward) ? forward : [forward]) as readonly JsonValue[];
  if (list.length === 0) throw new CommandError("The configuration forwards nothing: forward is empty");
  const policies = list.map((each, i) => policyOf(each, `forward[${i}]`, now));
  for (const { from, to, rejected } of policies) {
    const targets = typeof rejected === "string" ? [to] : [to, rejected];
    for (const place of [from, ...targets]) {
      if (!drivers.has(place.driver)) {
        throw new CommandError(`There is no driver "${place.driver}" in the configuration`, {
          hint: `there are ${[...drivers.keys()].map((name) => `"${name}"`).join(", ") || "none"}`,
        });
      }
    }
    const urlOf = ({ driver }: TopicPlace) => drivers.get(driver)!.url;
    if (targets.some((target) => target.topic === from.topic && urlOf(target) === urlOf(from))) {
      throw new CommandError(`"${from.topic}" would be forwarded into itself, and never end`, {
        hint: "name another topic or driver as the target",
      });
    }
  }
  return { drivers, policies };
}

function driverOf(name: string, given: JsonValue): DriverConfig {
  if (typeof given === "string") return { url: given, options: {} };
  if (!isObject(given)) throw new CommandError(`drivers.${name} must be a URL, or a table with a url`);
  checkKeys(`drivers.${name}`, given, ["url", "options"]);
  const { url, options = {} } = given;
  if (typeof url !== "string") throw new CommandError(`drivers.${name} needs a url`);
  if (!isObject(options)) throw new CommandError(`drivers.${name}.options must be a table`);
  return { url, options };
}

function policyOf(given: JsonValue, at: string, now: number): ForwardPolicy {
  if (!isObject(given)) throw new CommandError(`${at} must be a table with from and to`);
  checkKeys(at, given, keys);
  const from = placeOf(given["from"], `${at}.from`);
  const to = placeOf(given["to"], `${at}.to`);
  return {
    from,
    to,
    name: textOf(given["name"], `${at}.name`) ?? `forward-${to.driver}-${to.topic}`,
    select: textOf(given["select"], `${at}.select`) ?? "all",
    partition: choiceOf(given["partition"], `${at}.partition`, ["keep", "select"]),
    create: given["create"] === true,
    rejected: rejectedOf(given, at),
    undecodable:
      given["undecodable"] === undefined
        ? undefined
        : choiceOf(given["undecodable"], `${at}.undecodable`, ["fail", "skip"]),
    startFrom: parseStart(textOf(given["startFrom"], `${at}.startFrom`) ?? "earliest", now),
    until: given["until"] === undefined ? undefined : parseUntil(textOf(given["until"], `${at}.until`) ?? ""),
    retry: retryOf(given["retry"], `${at}.retry`),
  };
}

function rejectedOf({ rejected, deadLetter }: JsonObject, at: string): ForwardPolicy["rejected"] {
  if (deadLetter !== undefined) return placeOf(deadLetter, `${at}.deadLetter`);
  return choiceOf(rejected, `${at}.rejected`, ["fail", "skip"]);
}

function retryOf(given: JsonValue | undefined, at: string): RetryOptions {
  if (given === undefined) return {};
  if (!isObject(given)) throw new CommandError(`${at} must be a table`);
  checkKeys(at, given, ["count", "initialDelay", "maxDelay", "jitter"]);
  return given;
}

function placeOf(given: JsonValue | undefined, at: string): TopicPlace {
  const [, driver, topic] = /^([^/]+)\/([^/]+)$/.exec(typeof given === "string" ? given : "") ?? [];
  if (driver !== undefined && topic !== undefined) return { driver, topic };
  throw new CommandError(`${at} must be driver/topic: current value is ${JSON.stringify(given)}`);
}

function textOf(given: JsonValue | undefined, at: string): string | undefined {
  if (given === undefined || typeof given === "string") return given;
  if (typeof given === "number") return String(given);
  throw new CommandError(`${at} must be text: current value is ${JSON.stringify(given)}`);
}

/** The first choice is the default. */
function choiceOf<const T extends string>(given: JsonValue | undefined, at: string, choices: readonly [T, ...T[]]): T {
  const choice = given === undefined ? choices[0] : choices.find((each) => each === given);
  if (choice !== undefined) return choice;
  throw new CommandError(`${at} must be ${choices.join(" or ")}: current value is ${JSON.stringify(given)}`);
}
