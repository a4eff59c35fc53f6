import { EventData, type EventInput, type Topic } from "sluice";

/** A filter of events that are to be produced. */
export type SkipStored<M> = (events: readonly EventInput<M>[]) => Promise<readonly EventInput<M>[]>;

/**
 * Makes a filter that leaves out what an earlier run has stored. Events of one partition are stored in the order they were
 * produced, so those are the first n accepted events of a partition that holds n. The topic's own validator and partition
 * selector say which events were accepted and where they went.
 */
export async function skipStored<M>(topic: Topic<M>): Promise<SkipStored<M>> {
  const { partitions } = await topic.describe();
  const stored = partitions.map(({ end }) => end);
  const select = topic.components.partitionSelector.start();

  const isStored = async (event: EventInput<M>): Promise<boolean> => {
    const metadata = await validated(topic, event);
    if (metadata === undefined) return false;
    const partition = await select(metadata, partitions, event.partition);
    return stored[partition]! > 0 && stored[partition]!-- > 0;
  };
  return async (events) => {
    const fresh: EventInput<M>[] = [];
    for (const event of events) {
      if (stored.every((left) => left === 0) || !(await isStored(event))) fresh.push(event);
    }
    return fresh;
  };
}

/** The metadata as it is stored, or undefined for an event that is rejected: the producer will say so again. */
async function validated<M>(topic: Topic<M>, { metadata, data }: EventInput<M>): Promise<M | undefined> {
  try {
    return await topic.components.validator.validate(metadata, EventData.from(data));
  } catch {
    return undefined;
  }
}
