import {
  concatMap,
  defer,
  EMPTY,
  firstValueFrom,
  forkJoin,
  from,
  lastValueFrom,
  map,
  Subject,
  type Observable,
} from "rxjs";
import {
  isSluiceError,
  SluiceError,
  type Backend,
  type BackendPartition,
  type BackendTopic,
  type JoinOptions,
  type Lease,
  type PartitionPlace,
  type TopicConfig,
  type TopicRanks,
} from "sluice";
import { HeldLeases } from "./heldLeases.ts";
import { countsOf, type RankDirectory, type RankedEntry } from "./rankDirectory.ts";
import { RankedGroup } from "./rankedGroup.ts";
import { rankedPartition } from "./rankedPartition.ts";
import { TopicPart } from "./topicPart.ts";

/** Chooses the ranks of so many new partitions. */
export type ShareOut = (count: number) => readonly number[];

/** One topic whose partitions are at several ranks. Its groups are here; its events, and what was acknowledged, are at the ranks. */
export class RankedTopic implements BackendTopic {
  readonly name: string;
  readonly partitions: BackendPartition[] = [];
  readonly grown = new Subject<void>();
  readonly #backends: readonly Backend[];
  readonly #directory: RankDirectory;
  readonly #shareOut: ShareOut;
  readonly #parts: readonly TopicPart[];
  readonly #places: PartitionPlace[] = [];
  /** How many partitions each rank has. */
  readonly #counts: number[];
  readonly #groups = new Map<string, Promise<RankedGroup>>();
  readonly #held: HeldLeases[] = [];
  /** What the directory says of it; of a later topic of its name it would say something else. */
  #entry: RankedEntry;
  #changing: Promise<unknown> = Promise.resolve();
  #gone: SluiceError | undefined;

  constructor(name: string, backends: readonly Backend[], directory: RankDirectory, shareOut: ShareOut) {
    this.name = name;
    this.#backends = backends;
    this.#directory = directory;
    this.#shareOut = shareOut;
    this.#counts = backends.map(() => 0);
    this.#parts = backends.map((backend) => new TopicPart(() => backend.openTopic(name)));
    this.#entry = directory.get(name)!;
    this.#extend(this.#entry.ranks);
  }

  get config(): TopicConfig {
    return this.#entry.config;
  }

  get ranks(): TopicRanks {
    return { count: this.#backends.length, places: this.#places };
  }

  addPartitions(count: number, rank?: number): Observable<void> {
    return defer(() => {
      const grown = this.#changing.then(() =>
        this.#grow(rank === undefined ? this.#shareOut(count) : Array<number>(count).fill(rank)),
      );
      this.#changing = grown.catch(() => undefined);
      return grown;
    });
  }

  seal(): Observable<void> {
    return defer(() => {
      const sealed = this.#changing.then(async () => {
        this.#assertThere();
        await lastValueFrom(forkJoin(this.#usedRanks().map((rank) => this.#sealPart(rank))), { defaultValue: [] });
      });
      this.#changing = sealed.catch(() => undefined);
      return sealed;
    });
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return defer(() => {
      this.#assertThere();
      return from(this.#group(consumer)).pipe(
        concatMap((group) => {
          this.#assertThere();
          return group.join(options);
        }),
      );
    });
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return defer(() => {
      this.#assertThere();
      const ranks = this.#usedRanks();
      const stored = ranks.map((rank) => this.#parts[rank]!.use((topic) => topic.cursors(consumer)));
      return forkJoin(stored).pipe(
        map((all) => this.#places.map(({ rank, partition }) => all[ranks.indexOf(rank)]?.[partition])),
      );
    });
  }

  /** Ends everybody who waits, since the topic is no more. */
  async remove(error: SluiceError): Promise<void> {
    this.#gone = error;
    for (const group of this.#groups.values()) (await group.catch(() => undefined))?.fail(error);
    for (const leases of this.#held) leases.leave(error);
  }

  /** Lets go of what it holds at the ranks. */
  close(): void {
    const closed = new SluiceError("ERR_CLOSED", `Topic "${this.name}" is closed`);
    for (const leases of this.#held) leases.leave(closed);
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }

  #usedRanks(): number[] {
    return [...new Set(this.#places.map(({ rank }) => rank))];
  }

  /** What was acknowledged before is read once: from then on it is known here what comes. */
  #group(consumer: string): Promise<RankedGroup> {
    const known = this.#groups.get(consumer);
    if (known !== undefined) return known;
    const begun = firstValueFrom(this.cursors(consumer)).then((positions) => {
      const held = this.#parts.map((part) => new HeldLeases(part, consumer));
      this.#held.push(...held);
      const placeOf = (number: number) => {
        const { rank, partition } = this.#places[number]!;
        return { leases: held[rank]!, partition };
      };
      return new RankedGroup(consumer, positions, () => this.partitions.length, placeOf);
    });
    this.#groups.set(consumer, begun);
    begun.catch(() => this.#groups.delete(consumer)); // The next one who joins tries again.
    return begun;
  }

  async #grow(added: readonly number[]): Promise<void> {
    this.#assertThere();
    const entry = this.#entry;
    const ranks = [...entry.ranks, ...added];
    const counts = countsOf(ranks);
    for (const rank of new Set(added)) await this.#growPart(rank, counts.get(rank)!);
    this.#assertThere();
    const grown = { ...entry, ranks, config: { ...entry.config, partitions: ranks.length } };
    await this.#directory.set(this.name, grown);
    this.#entry = grown;
    this.#extend(ranks);
    this.grown.next(); // Clients hear of them before they are given leases of them.
    for (const group of this.#groups.values()) (await group.catch(() => undefined))?.rebalance();
  }

  /** A rank may have more of them than are known, of a time that a crash has cut short. Nobody has stored anything in those. */
  async #growPart(rank: number, partitions: number): Promise<void> {
    const isNew = !this.#usedRanks().includes(rank);
    if (isNew) await this.#createPart(rank, partitions);
    const grown = this.#parts[rank]!.use((topic) => {
      const missing = partitions - topic.partitions.length;
      return missing > 0 ? topic.addPartitions(missing) : EMPTY;
    });
    await lastValueFrom(grown, { defaultValue: undefined });
    if (isNew && (await firstValueFrom(from(this.partitions[0]!.bounds()))).sealed) {
      await lastValueFrom(this.#sealPart(rank), { defaultValue: undefined });
    }
  }

  async #createPart(rank: number, partitions: number): Promise<void> {
    try {
      await firstValueFrom(from(this.#backends[rank]!.createTopic(this.name, { ...this.config, partitions })));
    } catch (error) {
      if (!isSluiceError(error, "ERR_TOPIC_EXISTS")) throw error;
    }
  }

  #sealPart(rank: number): Observable<void> {
    return defer(() =>
      lastValueFrom(
        this.#parts[rank]!.use((topic) => topic.seal()),
        { defaultValue: undefined },
      ),
    );
  }

  #extend(ranks: readonly number[]): void {
    const saysSequence = this.#backends[0]!.capabilities.nextSequence === true;
    for (const rank of ranks.slice(this.partitions.length)) {
      const place = { rank, partition: this.#counts[rank]!++ };
      this.#places.push(place);
      this.partitions.push(rankedPartition(this.partitions.length, place, this.#parts[rank]!, saysSequence));
    }
  }
}
