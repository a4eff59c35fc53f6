import {
  catchError,
  concatMap,
  defer,
  forkJoin,
  from,
  lastValueFrom,
  map,
  of,
  tap,
  throwError,
  type Observable,
} from "rxjs";
import {
  isSluiceError,
  SluiceError,
  type Backend,
  type BackendTopic,
  type Capabilities,
  type Durability,
} from "sluice";

/** Where new topics go. */
export interface TopicRule {
  /** The name of a topic; `*` at its end stands for whatever follows. */
  readonly match: string;
  /** The name of a backend. */
  readonly backend: string;
}

/** Several backends that look like one. */
export interface ComposedBackend extends Backend {
  /** The name of the backend that a topic is in; undefined when it has not been seen. */
  placeOf(topic: string): string | undefined;
}

/** From the weakest. */
const durabilities: readonly Durability[] = ["memory", "os", "disk", "replicated"];

/**
 * Makes one backend of several. A new topic goes where the first rule that matches says, or else to the first backend. A topic
 * that is there is found wherever it is, and names are unique over all of them.
 *
 * @param parts - The backends by name, the default first.
 * @param rules - Where new topics go.
 * @returns A backend. It can do what all of its parts can, and its durability is that of the weakest.
 * @throws RangeError when a rule names a backend that there is not.
 */
export function composeBackends(
  parts: ReadonlyMap<string, Backend>,
  rules: readonly TopicRule[] = [],
): ComposedBackend {
  const [first] = parts.keys();
  if (first === undefined) throw new RangeError("There must be at least one backend");
  for (const { backend } of rules) {
    if (!parts.has(backend)) throw new RangeError(`There is no backend "${backend}": current value is one of a rule`);
  }
  const places = new Map<string, string>();
  const ruleFor = (topic: string) => rules.find(({ match }) => covers(match, topic))?.backend ?? first;

  return {
    capabilities: weakest([...parts.values()].map(({ capabilities }) => capabilities)),
    placeOf: (topic) => places.get(topic),
    createTopic: (name, config) =>
      find(name).pipe(
        concatMap((found) => (found === undefined ? of(undefined) : throwError(() => exists(name)))),
        concatMap(() => from(partAt(ruleFor(name)).createTopic(name, config))),
        tap(() => places.set(name, ruleFor(name))),
      ),
    openTopic: (name) =>
      find(name).pipe(concatMap((found) => (found === undefined ? throwError(() => missing(name)) : of(found)))),
    listTopics: () =>
      forkJoin([...parts.values()].map((part) => from(part.listTopics()))).pipe(
        map((lists) => [...new Set(lists.flat())]),
      ),
    deleteTopic: (name) =>
      find(name).pipe(
        concatMap((found) => (found === undefined ? throwError(() => missing(name)) : of(found))),
        concatMap(() => from(partAt(places.get(name)!).deleteTopic(name))),
        tap({ complete: () => places.delete(name) }),
      ),
    close: () => defer(() => closeAll([...parts.values()])),
  };

  function partAt(name: string): Backend {
    return parts.get(name)!; // Rules were checked, and places are names of parts.
  }

  /** Looks where the topic was last, then where a rule would put it, then everywhere else. */
  function find(name: string): Observable<BackendTopic | undefined> {
    return defer(() => findIn([...new Set([places.get(name) ?? ruleFor(name), ...parts.keys()])], name));
  }

  function findIn([part, ...others]: readonly string[], name: string): Observable<BackendTopic | undefined> {
    if (part === undefined) return of(undefined);
    return from(partAt(part).openTopic(name)).pipe(
      tap(() => places.set(name, part)),
      catchError((error: unknown) => {
        if (!isSluiceError(error, "ERR_TOPIC_NOT_FOUND")) return throwError(() => error);
        if (places.get(name) === part) places.delete(name);
        return findIn(others, name);
      }),
    );
  }
}

/** Whether a pattern names a topic. */
export function covers(pattern: string, topic: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic;
}

function weakest(all: readonly Capabilities[]): Capabilities {
  const [first, ...others] = all;
  return others.reduce((one, other) => {
    const both = Object.entries(one).map(([name, value]) => [
      name,
      value === true && other[name as keyof Capabilities] === true,
    ]);
    const ranks = [one.durability, other.durability].map((level) => durabilities.indexOf(level));
    return {
      ...(Object.fromEntries(both) as Omit<Capabilities, "durability">),
      durability: durabilities[Math.min(...ranks)]!,
    };
  }, first!);
}

/** Closes every one, also when another cannot be closed; fails with the first error. */
async function closeAll(parts: readonly Backend[]): Promise<void> {
  const closed = await Promise.allSettled(
    parts.map((part) => lastValueFrom(from(part.close()), { defaultValue: undefined })),
  );
  const failed = closed.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason as Error;
}

function exists(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_EXISTS", `Topic "${name}" exists already`, { details: { topic: name } });
}

function missing(name: string): SluiceError {
  return new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}"`, { details: { topic: name } });
}
