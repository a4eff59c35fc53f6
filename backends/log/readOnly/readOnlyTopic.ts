import { asapScheduler, defer, from, mergeMap, type Observable } from "rxjs";
import type { BackendTopic, JoinOptions, Lease, TopicConfig } from "../../../src/model/backend.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import type { CursorStore } from "../../../src/model/group.ts";
import { TopicGroups } from "../../../src/model/topicGroups.ts";
import { decodeCursors } from "../cursorLog.ts";
import type { Keys } from "../encryption/keys.ts";
import { readOnly } from "../logErrors.ts";
import { readFile, type Storage } from "../storage/storage.ts";
import { readTopic, type StoredTopic } from "../topicFile.ts";
import { ChangeWatch } from "./changeWatch.ts";
import { ReadOnlyPartition } from "./readOnlyPartition.ts";

/** What a topic is told by its store. */
export interface ReadOnlyTopicOptions {
  readonly storage: Storage;
  readonly keys: Keys;
  readonly directory: string;
  /** The error of a topic that was deleted. */
  readonly deleted: SluiceError;
}

/** One topic that another process may be writing. */
export class ReadOnlyTopic implements BackendTopic {
  readonly name: string;
  readonly partitions: ReadOnlyPartition[] = [];
  readonly #options: ReadOnlyTopicOptions;
  readonly #groups = new TopicGroups({
    partitions: () => this.partitions.length,
    cursors: (consumer) => this.#cursorStore(consumer),
    answer: (subscriber) => void asapScheduler.schedule(() => subscriber.complete()),
  });
  readonly #watch: ChangeWatch;
  /** What the consumers have acknowledged, as it was when one of them last joined here. */
  #positions = new Map<string, (number | undefined)[]>();
  #epochs = new Map<string, number[]>();
  #stored: StoredTopic;
  #waiting = 0;
  #gone: SluiceError | undefined;
  #looking: Promise<void> | undefined;

  constructor(stored: StoredTopic, options: ReadOnlyTopicOptions) {
    this.name = stored.name;
    this.#stored = stored;
    this.#options = options;
    this.#watch = new ChangeWatch(options.storage, options.directory, () => void this.refresh());
    this.#grow();
  }

  get config(): TopicConfig {
    return this.#stored.config;
  }

  /** Whether it was deleted, so that a new one of its name is another one. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  addPartitions(): Observable<void> {
    return defer((): never => {
      throw readOnly("add partitions");
    });
  }

  seal(): Observable<void> {
    return defer((): never => {
      throw readOnly("seal a topic");
    });
  }

  join(consumer: string, options: JoinOptions): Observable<readonly Lease[]> {
    return defer(() => {
      this.#assertThere();
      return from(this.#readPositions()).pipe(mergeMap(() => this.#groups.join(consumer, options)));
    });
  }

  cursors(consumer: string): Observable<readonly (number | undefined)[]> {
    return defer(async () => {
      this.#assertThere();
      await this.#readPositions();
      return this.partitions.map(({ index }) => this.#positions.get(consumer)?.[index]);
    });
  }

  /** Takes in what was changed of the topic itself. */
  refresh(): Promise<void> {
    return (this.#looking ??= this.#look()
      .catch(() => undefined) // The next look will tell.
      .finally(() => (this.#looking = undefined)));
  }

  /** Ends everybody who reads or waits with one error. */
  async close(error: SluiceError): Promise<void> {
    this.#gone ??= error;
    this.#watch.stop();
    this.#groups.fail(error);
    await this.#looking;
    await Promise.all(this.partitions.map((partition) => partition.close(error)));
  }

  async #look(): Promise<void> {
    const { storage, directory, deleted } = this.#options;
    const stored = await readTopic(storage, directory);
    if (this.#gone !== undefined) return;
    if (stored === undefined) {
      // A description that is damaged is not a topic that was deleted: then the directory is gone.
      if (await isThere(storage, directory)) return;
      void this.close(deleted);
      return;
    }
    this.#stored = stored;
    this.#grow();
    if (stored.sealed) await Promise.all(this.partitions.map((partition) => partition.seal()));
  }

  #grow(): void {
    const { storage, keys, directory } = this.#options;
    const { partitions } = this.#stored.config;
    if (partitions === this.partitions.length) return;
    for (let index = this.partitions.length; index < partitions; index++) {
      const options = {
        storage,
        keys,
        directory: `${directory}/p${index}`,
        index,
        waiting: (change: 1 | -1) => this.#wait(change),
      };
      this.partitions.push(new ReadOnlyPartition(options));
    }
    this.#groups.rebalance();
  }

  #wait(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#waiting === 0) this.#watch.stop();
    else if (this.#gone === undefined) this.#watch.start();
  }

  async #readPositions(): Promise<void> {
    const { storage, directory } = this.#options;
    const bytes = await readFile(storage, `${directory}/cursors`);
    const positions = new Map<string, (number | undefined)[]>();
    for (const [consumer, partition, position] of bytes === undefined ? [] : decodeCursors(bytes)) {
      const known = positions.get(consumer) ?? [];
      known[partition] = Math.max(position, known[partition] ?? 0);
      positions.set(consumer, known);
    }
    this.#positions = positions;
    this.#assertThere();
  }

  #cursorStore(consumer: string): CursorStore {
    const epochs = this.#epochs.get(consumer) ?? [];
    this.#epochs.set(consumer, epochs);
    return {
      position: (partition) => this.#positions.get(consumer)?.[partition],
      move: () => {
        throw readOnly("store what was acknowledged");
      },
      epoch: (partition) => epochs[partition] ?? 0,
      renew: (partition) => (epochs[partition] = (epochs[partition] ?? 0) + 1),
    };
  }

  #assertThere(): void {
    if (this.#gone !== undefined) throw this.#gone;
  }
}

async function isThere(storage: Storage, directory: string): Promise<boolean> {
  return storage.list(directory).then(
    () => true,
    () => false,
  );
}
