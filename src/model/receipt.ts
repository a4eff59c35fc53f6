/** What a producer gets for an event that has been stored. */
export interface Receipt {
  /** The name of the topic. */
  readonly topic: string;
  /** The number of the partition. */
  readonly partition: number;
  /** The id of the event in its partition. */
  readonly id: number;
  /** When the event was pushed, in milliseconds since 1970. */
  readonly timestamp: number;
}
