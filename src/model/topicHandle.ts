import type { BackendTopic } from "./backend.ts";
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
  /**
   * Has something closed together with the driver, until the function that it returns is called. Fails with `ERR_CLOSED`
   * when the driver is closed. A handle without a driver has no such thing.
   */
  readonly attach?: ((resource: Closable) => () => void) | undefined;
  /** Only for the type checker: the metadata that producers push. @internal */
  readonly input?: I;
}
