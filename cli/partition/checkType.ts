import { nearestName } from "../../src/components/nearestName.ts";
import { CommandError } from "../commandError.ts";
import { isServiceUrl } from "../driverOptions.ts";
import { driverUrl } from "../driverUrl.ts";
import type { Invocation } from "../invocation.ts";
import { statusOfService } from "../service/statusOfService.ts";
import type { ServiceStatus } from "../service/serviceStatus.ts";

/** The types of backends that a service may have. */
const types: readonly string[] = ["memory", "log", "kafka", "url"];

/**
 * Checks that the partitions of a topic are where `--type` says: in a backend of this type or name. A topic is in one backend of a
 * service with all its partitions, so another place cannot be asked for here.
 *
 * @param type - The type of a backend, or the name of one of those of a service.
 * @param topic - The name of the topic.
 * @throws CommandError that says where the topic is and how to have one elsewhere.
 */
export async function checkType(invocation: Invocation, type: string, topic: string): Promise<void> {
  const url = driverUrl(invocation.globals, invocation.terminal);
  if (!isServiceUrl(url)) return checkScheme(/^(\w+?)s?:/.exec(url)?.[1] ?? "", type, topic);
  const service = await statusOfService(invocation);
  if (service === undefined) {
    throw new CommandError("--type is for a service that this user can ask for its status over WebSocket", {
      hint: "leave it out: partitions are added where the topic is",
    });
  }
  checkPlace(service, type, topic);
}

function checkScheme(scheme: string, type: string, topic: string): void {
  if (scheme === type) return;
  throw new CommandError(`"${topic}" is in a backend of the type ${scheme}: current value of --type is "${type}"`, {
    hint: "leave it out: partitions are added where the topic is",
  });
}

function checkPlace(service: ServiceStatus, type: string, topic: string): void {
  const { backends, topics } = service;
  const wanted = Object.keys(backends).filter((name) => name === type || backends[name] === type);
  if (wanted.length === 0) throw noBackend(backends, type);
  const place = topics.find(({ topic: name }) => name === topic)?.backend;
  if (place === undefined || wanted.includes(place)) return;
  throw new CommandError(`"${topic}" is in "${place}" (${backends[place]}), and all its partitions are where it is`, {
    hint: howToBeIn(wanted, service),
  });
}

function noBackend(backends: ServiceStatus["backends"], type: string): CommandError {
  const names = Object.keys(backends);
  const list = names.map((name) => `"${name}" (${backends[name]})`).join(", ");
  return new CommandError(`There is no backend of the type or name "${type}" in this service: it has ${list}`, {
    hint: types.includes(type)
      ? 'add one to "backends" of its configuration, and a rule to "topics" that says which topics go there'
      : `did you mean "${nearestName(type, [...names, ...types])}"?`,
  });
}

/** What a topic has to be named, or else has to be configured, to be in one of some backends. */
function howToBeIn(wanted: readonly string[], { rules, backends }: ServiceStatus): string {
  const rule = rules.find(({ backend }) => wanted.includes(backend));
  if (rule !== undefined) return `a new topic that is named ${rule.match} is in "${rule.backend}"`;
  const [first] = Object.keys(backends);
  if (wanted.includes(first!)) return `a new topic is in "${first}" when no rule under "topics" says otherwise`;
  return `a rule under "topics" of the configuration of the service sends new topics to "${wanted[0]}"`;
}
