import { defer, type Observable } from "rxjs";
import type { Backend, BackendTopic, Capabilities } from "../../../src/model/backend.ts";
import { logCapabilities } from "../capabilities.ts";
import { readOnly } from "../logErrors.ts";
import { ReadOnlyStore, type Reading } from "./readOnlyStore.ts";

/** What a reader is told. */
export interface ReadOnlyOptions extends Reading {
  readonly durability: Capabilities["durability"];
}

/**
 * The topics of a directory that another process may be writing, to be read. It has no lock, and changes nothing.
 *
 * What that process has committed is what it has answered for: at durability `disk` it is on the disk. It is published a moment
 * later, through memory that the system shares among its processes, so both have to be on one machine.
 */
export function readOnlyBackend(directory: string, { durability, ...reading }: ReadOnlyOptions): Backend {
  const store = new ReadOnlyStore(directory, reading);
  const refuse = (what: string) =>
    defer((): never => {
      throw readOnly(what);
    });
  return {
    capabilities: { ...logCapabilities, durability, readOnly: true, exactlyOnce: false },
    createTopic: () => refuse("create a topic"),
    openTopic: (name): Observable<BackendTopic> => defer(() => store.find(name)),
    listTopics: () => defer(() => store.names()),
    deleteTopic: () => refuse("delete a topic"),
    close: () => defer(() => store.close()),
  };
}
