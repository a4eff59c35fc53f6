import type { Backend, BackendTopic } from "./backend.ts";
import type { Durability } from "./durability.ts";
import type { TopicComponents } from "./component.ts";

/** How something that is under way is closed. */
export interface CloseOptions {
  /** Milliseconds to wait for what is under way. @default 5000 */
  readonly deadline?: number | undefined;
}

/** Something that can be closed. */
export interface Closable {
  /** Finishes what is under way, as far as the deadline allows, and closes. */
  close(options?: CloseOptions): Promise<void>;
}

/** How a journal is kept on the local disk. */
export interface OpenJournalOptions {
  /** When an event is accepted: `"disk"` when it survives a loss of power, `"os"` when it survives the end of the process. @default "disk" */
  readonly durability?: "disk" | "os" | undefined;
  /** Further options of the log that the journal is kept in, as `connect("log:…")` takes them. @default none */
  readonly journalOptions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What the operators need of a topic; a `Topic` is one.
 *
 * @typeParam M - The metadata that consumers get.
 * @typeParam I - The metadata that producers push, where the schema fills something in.
 */
export interface TopicHandle<M = unknown, I = M> {
  /** Its name. */
  readonly name: string;
  /** Where it is stored. */
  readonly backend: BackendTopic;
  /** Its validator, partition selector and serializer, ready to run. */
  readonly components: TopicComponents<M>;
  /** The strongest durability that its backend gives; undefined where the handle does not know. */
  readonly durability?: Durability | undefined;
  /**
   * Has something closed together with the driver, until the function that it returns is called. Fails with `ERR_CLOSED`
   * when the driver is closed. A handle without a driver has no such thing.
   */
  readonly attach?: ((resource: Closable) => () => void) | undefined;
  /**
   * Opens a directory of the local disk to keep a journal in. Fails with `ERR_LOCKED` when another process has it, with
   * `ERR_STORAGE` when it is damaged, and with `ERR_UNSUPPORTED` where there is no disk.
   */
  readonly openJournal?: ((directory: string, options: OpenJournalOptions) => Promise<Backend>) | undefined;
  /** Only for the type checker: the metadata that producers push. @internal */
  readonly input?: I;
}
