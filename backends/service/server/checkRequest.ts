import type { TopicConfig } from "../../../src/model/backend.ts";
import { checkAmount, checkInteger } from "../../../src/model/check.ts";
import type { Compaction } from "../../../src/model/compaction.ts";
import type { ComponentSpec } from "../../../src/model/component.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { parsePointer } from "../../../src/model/jsonPointer.ts";
import { checkName } from "../../../src/model/names.ts";
import { maxPartitions } from "../../../src/model/partition.ts";

/** The fields of a request, not yet checked. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks something that a client sent. A client of ours has checked it too, so what is wrong here breaks the protocol.
 *
 * @throws SluiceError `ERR_PROTOCOL` in place of any other error.
 */
export function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new SluiceError("ERR_PROTOCOL", `A request is wrong: ${(cause as Error).message}`, { cause });
  }
}

/** The name of a topic. */
export function topicName({ topic }: Fields): string {
  return checked(() => checkName("topic", topic));
}

/** The name of a consumer. */
export function consumerName({ consumer }: Fields): string {
  return checked(() => checkName("consumer", consumer));
}

/** A number that counts or numbers something. */
export function integer(fields: Fields, name: string, min = 0, max?: number): number {
  return checked(() => checkInteger(name, fields[name], min, max));
}

/** The partitions that a member of a group asks for. */
export function wantedPartitions({ partitions }: Fields, count: number): readonly number[] | undefined {
  if (partitions === undefined || partitions === null) return undefined;
  return checked(() => {
    if (!Array.isArray(partitions)) throw new TypeError("'partitions' must be a list");
    return partitions.map((each: unknown) => checkInteger("partition", each, 0, count - 1));
  });
}

/** What a topic is created with. */
export function topicConfig({ config }: Fields): TopicConfig {
  return checked(() => {
    const { partitions, components, retention, compaction, id } = asObject("config", config);
    const { validator, partitionSelector, serializer } = asObject("components", components);
    return {
      partitions: checkInteger("partitions", partitions, 1, maxPartitions),
      components: {
        validator: componentSpec("validator", validator),
        partitionSelector: componentSpec("partitionSelector", partitionSelector),
        serializer: componentSpec("serializer", serializer),
      },
      ...(retention !== undefined && { retention: retentionOf(asObject("retention", retention)) }),
      ...(compaction !== undefined && { compaction: compactionOf(asObject("compaction", compaction)) }),
      ...(id !== undefined && { id: checkName("id", id) }),
    };
  });
}

function retentionOf({ maxBytes, maxAge, acknowledgedBy }: Fields): TopicConfig["retention"] {
  const names = acknowledgedBy === undefined ? undefined : asList("acknowledgedBy", acknowledgedBy);
  return {
    ...(maxBytes !== undefined && { maxBytes: checkAmount("maxBytes", maxBytes) }),
    ...(maxAge !== undefined && { maxAge: checkAmount("maxAge", maxAge) }),
    ...(names !== undefined && { acknowledgedBy: names.map((name) => checkName("consumer", name)) }),
  };
}

function compactionOf({ key, tombstone, tombstoneAge }: Fields): Compaction {
  return {
    key: asPointer("key", key),
    ...(tombstone !== undefined && { tombstone: asPointer("tombstone", tombstone) }),
    ...(tombstoneAge !== undefined && { tombstoneAge: checkAmount("tombstoneAge", tombstoneAge) }),
  };
}

function asPointer(name: string, value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`'${name}' must be a string`);
  parsePointer(value);
  return value;
}

function componentSpec(name: string, value: unknown): ComponentSpec {
  const spec = asObject(name, value);
  if (typeof spec["type"] !== "string") throw new TypeError(`'${name}.type' must be a string`);
  return spec as ComponentSpec;
}

function asObject(name: string, value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new TypeError(`'${name}' must be an object`);
}

function asList(name: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`'${name}' must be a list`);
}
