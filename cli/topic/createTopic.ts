import { isSluiceError, type Retention, type TopicOptions } from "sluice";
import { checkKeys } from "../checkKeys.ts";
import { CommandError } from "../commandError.ts";
import { readConfigFile } from "../configFile.ts";
import { isObject, mergeConfig, type JsonObject, type JsonValue } from "../dottedOptions.ts";
import type { Invocation } from "../invocation.ts";
import { componentSpec } from "./componentSpec.ts";

/** The flags of `sluice topic create`. */
export interface CreateTopicFlags {
  /** How many partitions. */
  readonly partitions?: number | undefined;
  /** The type of the validator. */
  readonly validator?: string | undefined;
  /** A file with its options. */
  readonly validatorConfig?: string | undefined;
  /** The type of the partition selector. */
  readonly partitionSelector?: string | undefined;
  /** A file with its options. */
  readonly partitionSelectorConfig?: string | undefined;
  /** The type of the serializer. */
  readonly serializer?: string | undefined;
  /** A file with its options. */
  readonly serializerConfig?: string | undefined;
  /** A file with all of it. */
  readonly topicConfig?: string | undefined;
  /** Whether a topic that there is already is fine. */
  readonly ifMissing?: boolean | undefined;
}

/** Creates a topic. */
export async function createTopic(invocation: Invocation, flags: CreateTopicFlags, name = ""): Promise<void> {
  const options = await topicOptions(invocation, flags);
  const driver = await invocation.connect();
  const created = await createUnlessThere(flags, () => driver.createTopic(name, options));
  invocation.output.result({ topic: name, created }, () =>
    created ? `Created ${name} with ${count(options.partitions ?? 1)}.` : `There is a topic ${name} already.`,
  );
}

async function createUnlessThere({ ifMissing }: CreateTopicFlags, create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (ifMissing === true && isSluiceError(error, "ERR_TOPIC_EXISTS")) return false;
    throw error;
  }
}

const topicKeys = ["partitions", "validator", "partitionSelector", "serializer", "retention"];
const retentionKeys = ["maxBytes", "maxAge", "acknowledgedBy"];

/** The options of a topic: flags over dotted options over files. */
export async function topicOptions(invocation: Invocation, flags: CreateTopicFlags): Promise<TopicOptions> {
  const { cwd } = invocation.terminal;
  const file = flags.topicConfig === undefined ? {} : await readConfigFile(flags.topicConfig, cwd);
  const base = mergeConfig(file, invocation.group("topic"));
  checkKeys("a topic", base, topicKeys);
  const retention = retentionOf(mergeConfig(objectAt(base, "retention"), invocation.group("retention")));
  const component = (
    kind: "validator" | "partitionSelector" | "serializer",
    group: string,
  ): ReturnType<typeof componentSpec> =>
    componentSpec(
      kind,
      { type: flags[kind], config: flags[`${kind}Config`], dotted: invocation.group(group), beneath: base[kind] },
      cwd,
    );
  return {
    partitions: flags.partitions ?? (base["partitions"] as number | undefined),
    validator: await component("validator", "validator"),
    partitionSelector: await component("partitionSelector", "partition-selector"),
    serializer: await component("serializer", "serializer"),
    retention,
  };
}

function retentionOf(given: JsonObject): Retention | undefined {
  if (Object.keys(given).length === 0) return undefined;
  checkKeys("a retention", given, retentionKeys);
  const { acknowledgedBy, ...rest } = given;
  const names = typeof acknowledgedBy === "string" ? [acknowledgedBy] : acknowledgedBy;
  return { ...rest, ...(names !== undefined && { acknowledgedBy: names }) } as Retention;
}

function objectAt(config: JsonObject, key: string): JsonObject {
  const value: JsonValue | undefined = config[key];
  if (value === undefined || isObject(value)) return value ?? {};
  throw new CommandError(`${key} of a topic must be an object`);
}

function count(partitions: number): string {
  return partitions === 1 ? "1 partition" : `${partitions} partitions`;
}
