/** An event as it is pushed. */
export interface PushedEvent {
  /** The name of its topic. */
  readonly topic: string;
  /** The name of its producer, where it has one. */
  readonly producer: string | undefined;
  /** What it says, before the validator has seen it. */
  readonly metadata: unknown;
  /** How many bytes of data it has. */
  readonly dataSize: number;
}

/** What follows one event. */
export interface PushTrace {
  /**
   * Called once the validator has accepted the event.
   *
   * @param metadata - The metadata as the validator has left it.
   * @returns The metadata that is stored.
   */
  carry(metadata: unknown): unknown;
  /** The event is stored. */
  stored(partition: number, id: number): void;
  /** The event has failed. */
  failed(error: unknown): void;
}

/** Follows the events of producers from their push to what becomes of them. `loadTelemetry` of `sluice/telemetry` makes one. */
export interface PushTracer {
  /** Called by `push`, in the context of its caller. It must not throw. */
  begin(event: PushedEvent): PushTrace;
}
