import { map, Subject, type Observable } from "rxjs";
import type {
  BackendPartition,
  BackendTopic,
  JoinOptions,
  Lease,
  PartitionPlace,
  TopicConfig,
  TopicRanks,
} from "../../../src/model/backend.ts";
import { maxPartitions } from "../../../src/model/partition.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { readRanks, type RanksDescription } from "../protocol/ranksCodec.ts";
import { ask } from "./ask.ts";
import type { Attachable } from "./call.ts";
import { joinGroup } from "./joinGroup.ts";
import { RankedPartition } from "./rankedPartition.ts";
import { TopicLinks, type RankLinks } from "./rankLinks.ts";
import { RemotePartition } from "./remotePartition.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** A topic as a service tells of it. */
export interface TopicDescription {
  readonly incarnation: number;
  readonly config: TopicConfig;
  readonly partitions: number;
  readonly ranks: RanksDescription | undefined;
}

/** One topic at a service. */
export class RemoteTopic implements BackendTopic, Attachable {
  readonly name: string;
  readonly handle: number;
  readonly incarnation: number;
  readonly service: string;
  readonly partitions: BackendPartition[] = [];
  readonly grown = new Subject<void>();
  unanswered = 0;
  readonly #client: ServiceClient;
  /** The ways to the processes that share the partitions. */
  readonly #links: TopicLinks | undefined;
  #config: TopicConfig;
  #ranks: TopicRanks | undefined;

  constructor(links: RankLinks, name: string, { incarnation, config, partitions, ranks }: TopicDescription) {
    this.#client = links.main;
    this.name = name;
    this.handle = links.main.nextHandle();
    this.incarnation = incarnation;
    this.service = links.main.service;
    this.#links = ranks?.reach && new TopicLinks(links, name, ranks.reach, config.id);
    this.#config = config;
    this.#ranks = ranks && { count: ranks.count, places: ranks.places };
    this.grow(partitions);
    links.main.enter(this);
    // Who uses a partition may do so by way of the process that has it, and never ask the one that knows of new ones.
    if (ranks !== undefined) links.main.follow(this);
  }

  get config(): TopicConfig {
    return this.#config;
  }

  get ranks(): TopicRanks | undefined {
    return this.#ranks;
  }

  /** Whether a description is of this topic. What it tells of new partitions is taken up. */
  isAs({ incarnation, partitions, ranks }: TopicDescription): boolean {
    if (incarnation !== this.incarnation || this.#client.service !== this.service) return false;
    this.grow(partitions, ranks?.places);
    return true;
  }

  addPartitions(count: number, rank?: number): Observable<void> {
    return ask(this.#client, { op: "addPartitions", count, rank }, this).pipe(
      map((answer) => {
        const { partitions, ranks } = descriptionOf(answer);
        this.grow(partitions, ranks?.places);
      }),
    );
  }

  seal(): Observable<void> {
    return ask(this.#client, { op: "seal" }, this).pipe(map(() => undefined));
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return joinGroup(this.#client, this, consumer, options);
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return ask(this.#client, { op: "cursors", consumer }, this).pipe(
      map((answer) => {
        if (!Array.isArray(answer)) throw malformed("cursors that are none");
        this.grow(answer.length);
        return answer.map((position: unknown) => (typeof position === "number" ? position : undefined));
      }),
    );
  }

  grow(count: number, places: readonly PartitionPlace[] = []): void {
    if (count > maxPartitions) throw malformed(`a topic of ${count} partitions`);
    if (this.#ranks !== undefined && places.length > this.#ranks.places.length) {
      this.#ranks = { count: this.#ranks.count, places };
    }
    if (this.#config.partitions < count) this.#config = { ...this.#config, partitions: count };
    if (this.partitions.length >= count) return;
    while (this.partitions.length < count) this.partitions.push(this.#partition(this.partitions.length));
    this.grown.next();
  }

  /** One whose place is not known is reached by the process that knows it. */
  #partition(index: number): BackendPartition {
    const place = this.#ranks?.places[index];
    const detour = new RemotePartition(this.#client, this, index, index);
    return this.#links === undefined || place === undefined ? detour : new RankedPartition(this.#links, place, detour);
  }
}

/** Reads a description. @throws SluiceError `ERR_PROTOCOL` when it is none. */
export function descriptionOf(answer: unknown): TopicDescription {
  const { incarnation, config, partitions, ranks } = (answer ?? {}) as Partial<TopicDescription>;
  if (
    typeof incarnation !== "number" ||
    typeof partitions !== "number" ||
    typeof config !== "object" ||
    config === null
  ) {
    throw malformed("a topic that is none");
  }
  return { incarnation, config, partitions, ranks: readRanks(ranks) };
}
