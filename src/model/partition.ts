/** What a partition selector knows of a partition. */
export interface PartitionInfo {
  /** Its number, from 0. */
  readonly partition: number;
}

/** How far a partition reaches. Positions are the id of the next event to read. */
export interface PartitionBounds {
  /** The first id that can still be read. */
  readonly start: number;
  /** The id that the next stored event will have at least. */
  readonly end: number;
  /** Whether no further event will come. */
  readonly sealed: boolean;
}

/** The largest number of partitions of a topic. A typing mistake should not allocate a billion of them. */
export const maxPartitions = 65_536;
