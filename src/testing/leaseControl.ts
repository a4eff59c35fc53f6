/** The handle by which a plan reaches a lease that a member owns. @internal */
export interface LeaseControl {
  readonly topic: string;
  readonly consumer: string;
  readonly partition: number;
  /** Refuses acknowledgements from now on. */
  fence(): void;
  /** Asks for the partition, which stays away for so many milliseconds after it has been given back. */
  revoke(away: number): void;
}
