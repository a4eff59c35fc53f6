import type { EventBatch } from "../../../src/model/batch.ts";
import type { Welcome } from "../protocol/handshake.ts";
import type { Access } from "./access.ts";
import type { Directory } from "./directory.ts";
import type { Load } from "./load.ts";
import type { CheckedOptions } from "./options.ts";
import type { ReusedMemory } from "./reusedMemory.ts";
import type { Sessions } from "./sessions.ts";

/** What all connections of a service share. */
export interface ServiceContext {
  readonly options: CheckedOptions;
  readonly access: Access;
  readonly directory: Directory;
  /** What this process has itself, where it is one of several. */
  readonly own: Directory | undefined;
  readonly load: Load;
  /** For large data on its way to the backend, and from it. */
  readonly memory: ReusedMemory;
  readonly sessions: Sessions;
  /** Counts a batch that has come. */
  count(batch: EventBatch, bytes: number): void;
  welcome(user: string, resumed: boolean): Welcome;
  /** A connection, as it was added, is over. */
  gone(connection: object): void;
}
