import { SluiceError } from "../../../src/model/errors.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { decodeObject } from "../protocol/boundedJson.ts";
import { describePlaces } from "../protocol/ranksCodec.ts";
import type { Right } from "./access.ts";
import { integer, topicName, type Fields } from "./checkRequest.ts";
import type { DirectoryEntry } from "./directory.ts";
import type { ServiceContext } from "./serviceContext.ts";
import { TopicHandle } from "./topicHandle.ts";

/** Tells the client that a topic has gained partitions. */
export interface GrowthNotice {
  readonly handle: number;
  readonly partitions: number;
  readonly places: unknown;
}

/** The topics of one connection, under the numbers that its client has chosen for them. */
export class TopicHandles {
  readonly #context: ServiceContext;
  readonly #tell: (notice: GrowthNotice) => void;
  readonly #handles = new Map<number, TopicHandle>();
  readonly #unwatch: (() => void)[] = [];
  #isClosed = false;

  constructor(context: ServiceContext, tell: (notice: GrowthNotice) => void) {
    this.#context = context;
    this.#tell = tell;
  }

  /** Takes up a topic. The client uses its number without waiting for an answer. */
  attach(user: string, body: Uint8Array): void {
    const fields = decodeObject(body);
    const handle = integer(fields, "handle");
    const { access, directory, options } = this.#context;
    if (this.#handles.size >= options.limits.streams) throw malformed("too many handles");
    const name = topicName(fields);
    const incarnation = fields["incarnation"] === null ? undefined : integer(fields, "incarnation");
    const opening = fields["own"] === undefined ? directory.open(name, incarnation) : this.#openOwn(name, fields);
    this.#handles.set(handle, new TopicHandle(name, user, access, opening, (entry) => this.#watch(handle, entry)));
  }

  /** Calls back with the topic of a handle, at once where it is open, or with why its user may not have it. */
  use(
    handle: number,
    wanted: readonly Right[],
    then: (entry: DirectoryEntry) => void,
    failed: (error: unknown) => void,
  ): void {
    const topic = this.#handles.get(handle);
    if (topic === undefined) failed(malformed("a handle of no topic"));
    else if (topic.allows(wanted)) topic.use(then, failed);
    else failed(forbidden(topic.user, wanted));
  }

  /** Looks again at what its user may do. Returns whether that has become less anywhere. */
  recheck(): boolean {
    let hasLess = false;
    for (const handle of this.#handles.values()) hasLess = handle.recheck() || hasLess;
    return hasLess;
  }

  /** Tells of nothing any more. */
  close(): void {
    this.#isClosed = true;
    for (const each of this.#unwatch.splice(0)) each();
  }

  /** A part of a topic is that of one process: another one has other events under the same numbers. */
  async #openOwn(name: string, fields: Fields): Promise<DirectoryEntry> {
    const { own, options } = this.#context;
    const wanted = integer(fields, "own");
    if (own === undefined || options.rank?.rank !== wanted || options.rank.service !== fields["service"]) {
      throw new SluiceError("ERR_UNREACHABLE", `The process that answers is not rank ${wanted} of the service`);
    }
    const entry = await own.open(name);
    if (entry.topic.config.id === (fields["id"] ?? undefined)) return entry;
    throw new SluiceError("ERR_TOPIC_NOT_FOUND", `There is no topic "${name}" any more, but a new one of its name`, {
      details: { topic: name },
    });
  }

  #watch(handle: number, { topic, grown }: DirectoryEntry): void {
    if (this.#isClosed) return;
    const tell = () => this.#tell({ handle, partitions: topic.partitions.length, places: describePlaces(topic) });
    grown.add(tell);
    this.#unwatch.push(() => grown.delete(tell));
    if (topic.ranks !== undefined) tell(); // Another process may have added some since the client has opened it.
  }
}

function forbidden(user: string, wanted: readonly Right[]): SluiceError {
  const right = wanted.join(" or ");
  return new SluiceError("ERR_FORBIDDEN", `User "${user}" may not ${right} here`, { details: { right } });
}
