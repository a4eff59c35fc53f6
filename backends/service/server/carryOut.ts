import { firstValueFrom, from, lastValueFrom } from "rxjs";
import type { BackendTopic } from "../../../src/model/backend.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { maxPartitions } from "../../../src/model/partition.ts";
import { encodeJson } from "../protocol/boundedJson.ts";
import { messageTypes } from "../protocol/frame.ts";
import { rights, type Access, type Right } from "./access.ts";
import type { Outcome } from "./answers.ts";
import { checked, consumerName, integer, topicConfig, topicName, type Fields } from "./checkRequest.ts";
import type { Directory, DirectoryEntry } from "./directory.ts";
import type { Exchange } from "./exchange.ts";
import { describeRanks } from "../protocol/ranksCodec.ts";
import type { CheckedOptions, ServiceRank } from "./options.ts";
import { partitionOf } from "./storeBatch.ts";

/** Where requests about topics are carried out. */
export interface RequestContext {
  readonly directory: Directory;
  readonly own: Directory | undefined;
  readonly access: Access;
  readonly options: Pick<CheckedOptions, "rank">;
}

/** A request that names its topic. */
type NamedOperation = (context: RequestContext, user: string, fields: Fields) => Promise<unknown>;

/** A request that uses a handle. */
interface HandleOperation {
  readonly rights: readonly Right[];
  readonly run: (context: RequestContext, entry: DirectoryEntry, fields: Fields) => Promise<unknown>;
  /** Whether it is about one partition, so that the process that has it can answer. */
  readonly ofPartition?: true;
}

/** Requests that change something: sent again after a cut, they are carried out once. */
const changing = new Set(["create", "delete", "addPartitions", "seal"]);

const named: Readonly<Record<string, NamedOperation>> = {
  async open({ access, directory, options }, user, fields) {
    const name = topicName(fields);
    access.assert(user, rights, name);
    return describe(await directory.open(name), options.rank);
  },
  async create({ access, directory, options }, user, fields) {
    const name = topicName(fields);
    access.assert(user, ["admin"], name);
    return describe(await directory.create(name, topicConfig(fields)), options.rank);
  },
  async list({ access, directory }, user) {
    const names = await directory.list();
    return names.filter((name) => rights.some((right) => access.may(user, right, name)));
  },
  async delete({ access, directory }, user, fields) {
    const name = topicName(fields);
    access.assert(user, ["admin"], name);
    await directory.delete(name);
    return null;
  },
};

const onHandles: Readonly<Record<string, HandleOperation>> = {
  addPartitions: {
    rights: ["admin"],
    async run({ directory, options }, entry, fields) {
      const { partitions, ranks } = entry.topic;
      const count = integer(fields, "count", 1, maxPartitions - partitions.length);
      const last = (ranks?.count ?? 1) - 1;
      const rank = fields["rank"] === undefined ? undefined : integer(fields, "rank", 0, last);
      await directory.addPartitions(entry, count, rank);
      return describe(entry, options.rank);
    },
  },
  seal: {
    rights: ["admin"],
    async run(_context, { topic }) {
      await lastValueFrom(from(topic.seal()), { defaultValue: undefined });
      return null;
    },
  },
  cursors: {
    rights: ["subscribe", "admin"],
    async run(_context, { topic }, fields) {
      const cursors = await firstValueFrom(from(topic.cursors(consumerName(fields))));
      return Array.from(cursors, (position) => position ?? null);
    },
  },
  bounds: {
    rights,
    ofPartition: true,
    run: (_context, entry, fields) => firstValueFrom(from(partitionOf(entry, integer(fields, "partition")).bounds())),
  },
  find: {
    rights: ["subscribe", "admin"],
    ofPartition: true,
    run: (_context, entry, fields) => {
      const time = checked(() => {
        const { time: given } = fields;
        if (typeof given !== "number" || !Number.isFinite(given)) throw new TypeError("'time' must be a number");
        return given;
      });
      return firstValueFrom(from(partitionOf(entry, integer(fields, "partition")).find(time)));
    },
  },
  nextSequence: {
    rights: ["publish"],
    ofPartition: true,
    run: (_context, entry, fields) => {
      const partition = partitionOf(entry, integer(fields, "partition"));
      const { producer } = fields;
      if (typeof producer !== "string")
        throw new SluiceError("ERR_PROTOCOL", "A request is wrong: 'producer' must be a string");
      if (partition.nextSequence === undefined) {
        throw new SluiceError("ERR_UNSUPPORTED", "The backend does not say how far a producer's sequence has come");
      }
      return firstValueFrom(from(partition.nextSequence(producer)));
    },
  },
};

/** Carries out a request about topics and answers it. */
export function carryOut(
  context: RequestContext,
  exchange: Exchange,
  stream: number,
  isAgain: boolean,
  fields: Fields,
): void {
  const op = String(fields["op"]);
  const begin = (work: () => Promise<unknown>) => {
    if (changing.has(op)) return once(exchange, stream, isAgain, work);
    exchange.begin(stream, () => {});
    void settle(work).then((outcome) => answer(exchange, stream, outcome));
  };
  const byName = Object.hasOwn(named, op) ? named[op] : undefined;
  if (byName !== undefined) return begin(() => byName(context, exchange.user, fields));
  const byHandle = Object.hasOwn(onHandles, op) ? onHandles[op] : undefined;
  if (byHandle === undefined)
    return exchange.fail(stream, new SluiceError("ERR_UNSUPPORTED", "The service does not know this request"));
  exchange.withTopic(integer(fields, "handle"), stream, byHandle.rights, (entry) => {
    if (byHandle.ofPartition !== true) assertWhole(context, entry);
    begin(() => byHandle.run(context, entry, fields));
  });
}

/** @throws SluiceError `ERR_UNSUPPORTED` when a topic is only the part of it that this process has. */
export function assertWhole({ own }: Pick<RequestContext, "own">, entry: DirectoryEntry): void {
  if (own === undefined || !own.has(entry)) return;
  throw new SluiceError("ERR_UNSUPPORTED", "A process that has a part of the topic does not change the topic");
}

type Settled = { readonly value: unknown } | { readonly error: unknown };

function once(exchange: Exchange, stream: number, isAgain: boolean, work: () => Promise<unknown>): void {
  exchange.once(stream, isAgain, (done) => void finish(work, done));
}

async function finish(work: () => Promise<unknown>, done: (outcome: Outcome) => void): Promise<void> {
  const outcome = await settle(work);
  done("error" in outcome ? outcome : { type: messageTypes.answer, value: [encodeJson(outcome.value)] });
}

async function settle(work: () => Promise<unknown>): Promise<Settled> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

function answer(exchange: Exchange, stream: number, outcome: Settled): void {
  if ("error" in outcome) exchange.fail(stream, outcome.error);
  else exchange.answer(stream, messageTypes.answer, [encodeJson(outcome.value)]);
}

/** A topic as clients are told of it. */
function describe(
  { incarnation, topic }: { readonly incarnation: number; readonly topic: BackendTopic },
  asked: ServiceRank | undefined,
): unknown {
  return { incarnation, config: topic.config, partitions: topic.partitions.length, ranks: describeRanks(topic, asked) };
}
