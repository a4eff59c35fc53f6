import type { BackendPartition, BackendTopic, PartitionPlace } from "sluice";
import { SluiceError } from "sluice";
import type { TopicPart } from "./topicPart.ts";

/** A partition that the part of a topic at one rank has, under its number in the whole topic. */
export function rankedPartition(
  index: number,
  { rank, partition }: PartitionPlace,
  part: TopicPart,
  saysSequence: boolean,
): BackendPartition {
  const at = ({ name, partitions }: BackendTopic) => {
    const found = partitions[partition];
    if (found !== undefined) return found;
    throw new SluiceError("ERR_TOPIC_NOT_FOUND", `Rank ${rank} has lost partition ${index} of topic "${name}"`, {
      details: { topic: name, partition: index, rank },
    });
  };
  return {
    index,
    append: (batch) => part.use((topic) => at(topic).append(batch)),
    read: (position, limits) => part.use((topic) => at(topic).read(position, limits)),
    fetch: (reads) => part.use((topic) => at(topic).fetch(reads)),
    bounds: () => part.use((topic) => at(topic).bounds()),
    find: (time) => part.use((topic) => at(topic).find(time)),
    ...(saysSequence && { nextSequence: (producer) => part.use((topic) => at(topic).nextSequence!(producer)) }),
  };
}
