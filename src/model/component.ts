import type { EventData } from "./data.ts";
import type { PartitionInfo } from "./partition.ts";

/**
 * A topic's component as the backend stores it: a type and its configuration, all of it JSON. `type` is a built-in name
 * (`"json-schema"`), a module of the user's own (`"name:./module.js"`), or `"function"` for code that cannot be stored.
 */
export interface ComponentSpec {
  /** The name of the component. */
  readonly type: string;
  /** Its configuration, as far as it has one. */
  readonly [option: string]: unknown;
}

/** Checks the metadata and data of an event before it is stored. */
export interface Validator<M = unknown> {
  /** How the topic stores this validator. */
  readonly spec: ComponentSpec;
  /**
   * Accepts an event or throws.
   *
   * @returns The metadata to store: the value itself, or what the schema made of it (a default filled in, say). May be a promise.
   * @throws SluiceError `ERR_INVALID_METADATA`, with `details.path` (a JSON pointer) and `details.rule`. Any other thrown
   * error is wrapped into one.
   */
  validate(metadata: unknown, data: EventData): M | PromiseLike<M>;
}

/** Chooses a partition for one event. May be asynchronous. */
export type SelectPartition<M = unknown> = (
  metadata: M,
  partitions: readonly PartitionInfo[],
  requested: number | undefined,
) => number | PromiseLike<number>;

/** Chooses the partition of each event. */
export interface PartitionSelector<M = unknown> {
  /** How the topic stores this selector. */
  readonly spec: ComponentSpec;
  /** Begins a new selection with a state of its own (the next partition of a round robin, say), one for each producer. */
  start(): SelectPartition<M>;
}

/** A serializer whose form is text: batches of it are encoded to UTF-8 and decoded in one go. */
export interface TextSerializer<M = unknown> {
  /** How the topic stores this serializer. */
  readonly spec: ComponentSpec;
  /** Text. */
  readonly form: "text";
  /** Metadata to text. May be asynchronous. */
  serialize(metadata: M): string | PromiseLike<string>;
  /** Text to metadata. May be asynchronous. Throws when the text is not what `serialize` writes. */
  deserialize(text: string): M | PromiseLike<M>;
}

/** A serializer whose form is bytes. */
export interface BinarySerializer<M = unknown> {
  /** How the topic stores this serializer. */
  readonly spec: ComponentSpec;
  /** Bytes. */
  readonly form: "bytes";
  /** Metadata to bytes. May be asynchronous. */
  serialize(metadata: M): Uint8Array | PromiseLike<Uint8Array>;
  /** Bytes to metadata. May be asynchronous. Throws when the bytes are not what `serialize` writes. */
  deserialize(bytes: Uint8Array): M | PromiseLike<M>;
}

/** Turns metadata into text or bytes, and back. */
export type Serializer<M = unknown> = TextSerializer<M> | BinarySerializer<M>;

/** The three components of a topic, ready to run. */
export interface TopicComponents<M = unknown> {
  /** Checks events. */
  readonly validator: Validator<M>;
  /** Chooses their partitions. */
  readonly partitionSelector: PartitionSelector<M>;
  /** Writes and reads their metadata. */
  readonly serializer: Serializer<M>;
}

/** The three components of a topic, as they are stored. */
export type ComponentSpecs = { readonly [K in keyof TopicComponents]: ComponentSpec };
