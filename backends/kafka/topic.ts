import { Observable } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig, TransactionAppend } from "../../src/model/backend.ts";
import type { Appended } from "../../src/model/batch.ts";
import type { SluiceError } from "../../src/model/errors.ts";
import { storedElsewhere } from "../../src/model/group.ts";
import { AcknowledgedRetention } from "./acknowledgedRetention.ts";
import { Appender, topicSealed } from "./appender.ts";
import { ChunkStore } from "./chunkStore.ts";
import { asUserError, type TopicRef } from "./cluster.ts";
import { CompanionTopic } from "./companionTopic.ts";
import { ClassicMember } from "./group/classicMember.ts";
import { ConsumerMember } from "./group/consumerMember.ts";
import type { Member } from "./group/member.ts";
import { acknowledgedOffsets } from "./group/offsets.ts";
import { KafkaPartition } from "./partition.ts";
import { RecordSink, type BatchSink } from "./recordSink.ts";
import { Claims } from "./store/claims.ts";
import { SizedRetention } from "./sizedRetention.ts";
import type { OpenedTopic, TopicHost } from "./topicHost.ts";
import { TopicSeal } from "./topicSeal.ts";
import { chunkMargin, companionOf, shortStoring } from "./topicSettings.ts";
import { TransactionalProducer } from "./transactions/transactionalProducer.ts";

/** One topic of Kafka. */
export class KafkaTopic implements BackendTopic {
  readonly name: string;
  readonly ref: TopicRef;
  readonly partitions: KafkaPartition[] = [];
  readonly #host: TopicHost;
  readonly #opened: OpenedTopic;
  readonly #seal: TopicSeal;
  readonly #companion: CompanionTopic;
  readonly #claims: Claims;
  readonly #retention: AcknowledgedRetention;
  /** What keeps each partition within its size, where the topic has a rule of it. */
  readonly #sized: SizedRetention[] = [];
  readonly #members = new Set<Member>();
  /** The places in each group that consumers of this connection have, so that each has an instance of its own. */
  readonly #places = new Map<string, Set<number>>();

  constructor(opened: OpenedTopic, host: TopicHost) {
    this.name = opened.name;
    this.ref = opened.ref;
    this.#host = host;
    this.#opened = opened;
    this.#seal = new TopicSeal({ ...opened, ...host, partitions: this.partitions });
    this.#companion = new CompanionTopic(opened, host, () => this.partitions.length);
    this.#retention = new AcknowledgedRetention({
      cluster: host.cluster,
      topic: opened.ref,
      groups: (opened.config.retention?.acknowledgedBy ?? []).map(host.groupOf),
      countPartitions: () => this.partitions.length,
      companion: () => this.#companion.open("find"),
      patience: chunkMargin,
    });
    this.#claims = new Claims(opened.ref.name, host.store, host.options.deliveryTimeout);
    this.grow(opened.config.partitions);
  }

  get config(): TopicConfig {
    return { ...this.#opened.config, partitions: this.partitions.length };
  }

  addPartitions(count: number): Observable<void> {
    return this.#call("add partitions to", async () => {
      const { cluster } = this.#host;
      const { name } = this.ref;
      const total = (await this.#countPartitions()) + count;
      const add = (topic: string) =>
        cluster.onController(`add partitions to "${topic}"`, (to) => cluster.client.addPartitions(to, topic, total));
      // Chunks of a partition have the same number: their topic grows first.
      if ((await this.#companion.open("find")) !== undefined) await add(companionOf(name));
      await add(name);
      await cluster.retrying(`see the partitions of "${name}"`, async () => {
        cluster.forgetLeaders(this.ref);
        for (let partition = 0; partition < total; partition++) await cluster.leaderOf(this.ref, partition);
      });
      this.grow(total);
      for (const member of this.#members) member.lookAgain();
    });
  }

  seal(): Observable<void> {
    return this.#call("seal", () => this.#seal.set());
  }

  join(consumer: string, { partitions: wanted }: JoinOptions): Observable<readonly Lease[]> {
    return new Observable((subscriber) => {
      const { cluster, options, groupOf, newLane, hold } = this.#host;
      if (this.ref.gone.signal.aborted) return subscriber.error(this.ref.gone.signal.reason);
      const { sessionTimeout, rebalanceTimeout, heartbeatInterval, metadataMaxAge, instance } = options;
      const group = groupOf(consumer);
      const place = this.#takePlace(group);
      const GroupMember = options.groupProtocol === "consumer" ? ConsumerMember : ClassicMember;
      const member: Member = new GroupMember({
        cluster,
        topic: this.ref,
        consumer,
        group,
        wanted,
        lane: `member-${newLane()}`,
        options: {
          sessionTimeout,
          rebalanceTimeout,
          heartbeatInterval,
          metadataMaxAge,
          instance: instance === undefined ? undefined : `${instance}-${this.ref.name}-${place}`,
        },
        countPartitions: () => this.#countPartitions(),
        acknowledged: () => {
          if (this.config.retention?.acknowledgedBy?.includes(consumer)) this.#retention.look();
        },
        granted: (leases) => subscriber.next(leases),
        storeIn: (producer, append) => this.#storeIn(producer, append),
        makeProducer: (partition) =>
          new TransactionalProducer(cluster, `${group}/${this.ref.id}/${partition}`, this.#host.sink),
      });
      this.#members.add(member);
      member.run().then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
      return () => {
        this.#members.delete(member);
        hold(member.leave().finally(() => this.#places.get(group)!.delete(place)));
      };
    });
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return this.#call("look at the cursors of", async () => {
      const { cluster, groupOf } = this.#host;
      const all = this.partitions.map(({ index }) => index);
      const stored = await acknowledgedOffsets(cluster, groupOf(consumer), this.ref, all);
      return all.map((partition) => stored.get(partition));
    });
  }

  /** The lowest place in a group that is free: consumers that begin in the same order after a restart have the same places. */
  #takePlace(group: string): number {
    const taken = this.#places.get(group) ?? new Set<number>();
    this.#places.set(group, taken);
    let place = 0;
    while (taken.has(place)) place++;
    taken.add(place);
    return place;
  }

  /** Stores what its producers have come to. */
  async settle(): Promise<void> {
    await Promise.all(this.partitions.map((partition) => partition.settle()));
  }

  /** Ends everybody who reads, writes or waits. */
  remove(error: SluiceError): void {
    this.ref.gone.abort(error);
  }

  #markKey(partition: number, producer: string): string {
    return `${this.ref.id}/${partition}/${producer}`;
  }

  /** How many partitions there are now. Those that are new are opened. */
  async #countPartitions(): Promise<number> {
    const found = await this.#host.cluster.topic(this.ref.name);
    if (found === undefined || found.id !== this.ref.id) {
      // Perhaps this broker has not heard of it; the leader of a partition knows better.
      await this.#host.cluster.onLeader(this.ref, 0, async () => undefined);
      return this.partitions.length;
    }
    this.grow(found.partitions.length);
    return this.partitions.length;
  }

  /** Opens the partitions that are not open yet, up to so many. */
  grow(count: number): void {
    const { cluster, fetcher, options } = this.#host;
    const { layout } = this.#opened;
    while (this.partitions.length < count) {
      const index = this.partitions.length;
      const chunks = this.#chunksOf(index);
      const makeAppender = (partition: KafkaPartition) =>
        this.#appenderOf(partition, chunks, new RecordSink(cluster, this.ref, index, this.#host.sink));
      const { fetchBytes, tailEvents } = options;
      const host = {
        cluster,
        fetcher,
        topic: this.ref,
        layout,
        chunks,
        claims: this.#claims,
        fetchBytes,
        tailEvents,
        makeAppender,
        isSealed: (how: "now" | "lately") => this.#seal.isSet(how),
        beforeDelivery: () => {
          for (const member of this.#members) member.checkClock();
        },
      };
      const partition = new KafkaPartition(index, host);
      this.partitions.push(partition);
      const { maxBytes } = this.#opened.config.retention ?? {};
      if (maxBytes === undefined) continue;
      this.#sized[index] = new SizedRetention({
        cluster,
        topic: this.ref,
        partition: index,
        companion: () => this.#companion.open("find"),
        maxBytes,
        patience: 2 * shortStoring + options.deliveryTimeout,
        readSizes: (from, tell) => partition.readSizes(from, tell),
      });
    }
  }

  #chunksOf(index: number, sink?: (topic: TopicRef) => BatchSink): ChunkStore {
    const { cluster, fetcher, options } = this.#host;
    return new ChunkStore(cluster, fetcher, index, {
      ...this.#host.sink,
      chunkBytes: options.chunkBytes,
      companion: (how) => this.#companion.open(how),
      sink,
      stored: (bytes) => this.#sized[index]?.stored(bytes),
    });
  }

  #appenderOf(partition: KafkaPartition, chunks: ChunkStore, sink: BatchSink, claims = this.#claims): Appender {
    const { marks, options } = this.#host;
    const { layout, maxBatchBytes } = this.#opened;
    const { index } = partition;
    return new Appender({
      partition: index,
      layout,
      sink,
      chunks,
      claims,
      inlineBytes: options.inlineBytes,
      storeBytes: this.#host.store === undefined ? Infinity : options.storeBytes,
      maxBatchBytes,
      storeWithin: this.#opened.config.retention?.maxBytes === undefined ? chunkMargin / 2 : shortStoring,
      deliveryTimeout: options.deliveryTimeout,
      readMarked: (from, tell) => partition.readMarked(from, tell),
      end: () => partition.end(),
      mark: (producer) => marks.get(this.#markKey(index, producer)),
      putMark: (producer, mark) => marks.put(this.#markKey(index, producer), mark),
      isSealed: () => this.#seal.isSet("now"),
    });
  }

  /** Stores a batch as a part of a transaction. It needs no producer of its own: it is stored with the position, or not at all. */
  async #storeIn(producer: TransactionalProducer, { topic, partition, batch }: TransactionAppend): Promise<Appended> {
    if (!(topic instanceof KafkaTopic) || topic.#host.cluster !== this.#host.cluster)
      throw storedElsewhere(topic.name, this.name);
    const { gone } = topic.ref;
    if (gone.signal.aborted) throw gone.signal.reason as Error;
    // A topic that takes nothing takes no mark of how a transaction ends either: it must not become a part of one.
    if (await topic.#seal.isSet("now")) throw topicSealed(partition);
    const chunks = topic.#chunksOf(partition, (companion) => producer.sink(companion, partition));
    const sink = producer.sink(topic.ref, partition);
    const claims = topic.#claims.within((undo) => producer.whenAborted(undo));
    const appender = topic.#appenderOf(topic.partitions[partition]!, chunks, sink, claims);
    return appender.append({ ...batch, producer: undefined });
  }

  #call<T>(what: string, work: () => Promise<T>): Observable<T> {
    return new Observable((subscriber) => {
      const { gone } = this.ref;
      if (gone.signal.aborted) return subscriber.error(gone.signal.reason);
      work().then(
        (answer) => {
          subscriber.next(answer);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(asUserError(`${what} topic "${this.name}"`, error)),
      );
    });
  }
}
