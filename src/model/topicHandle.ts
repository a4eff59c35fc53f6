import type { BackendTopic } from "./backend.ts";
import type { TopicComponents } from "./component.ts";

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
  /** Only for the type checker: the metadata that producers push. @internal */
  readonly input?: I;
}
