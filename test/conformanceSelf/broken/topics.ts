import { catchError, concat, defer, from, NEVER, of, switchMap, throwError } from "rxjs";
import { SluiceError, type BackendTopic } from "../../../src/index.ts";
import { memoryCapabilities } from "../../../backends/memory/index.ts";
import { mapped, type Fault, type Faults } from "./fault.ts";

/** Faults in how topics are kept. */
export const topics: Faults = {
  "declares more than it keeps": [
    9,
    () => ({ backend: () => ({ capabilities: { ...memoryCapabilities, durability: "disk" } }) }),
  ],
  "shows nothing to another connection": [
    9,
    () => ({
      backend: (real, connection) => ({
        openTopic: (name) =>
          connection === 0 ? real.openTopic(name) : throwError(() => new SluiceError("ERR_TOPIC_NOT_FOUND", name)),
      }),
    }),
  ],
  "opens a topic that is not there": [
    31,
    () => ({
      backend: (real) => ({
        openTopic: (name) =>
          from(real.openTopic(name)).pipe(catchError(() => real.createTopic(name, { partitions: 1, components }))),
      }),
    }),
  ],
  "makes a topic again that is there": [
    31,
    () => ({
      backend: (real) => ({
        createTopic: (name, config) =>
          from(real.deleteTopic(name)).pipe(
            catchError(() => of(undefined)),
            switchMap(() => real.createTopic(name, config)),
          ),
      }),
    }),
  ],
  "makes a topic twice": [
    31,
    () => ({
      backend: (real) => ({
        createTopic: (name, config) =>
          from(real.createTopic(name, config)).pipe(catchError(() => real.openTopic(name))),
      }),
    }),
  ],
  "deletes a topic that is not there": [
    31,
    () => ({
      backend: (real) => ({
        deleteTopic: (name) => from(real.deleteTopic(name)).pipe(catchError(() => of(undefined))),
      }),
    }),
  ],
  "hides a deleted topic and leaves its events": [33, hidesDeleted],
  "does not tell consumers of a deletion": [33, leavesReaders],
  "forgets the components of a topic": [
    5,
    () => ({
      topic: (real) => ({
        get config() {
          return { ...real.config, components };
        },
      }),
    }),
  ],
  "forgets the retention of a topic": [
    5,
    () => ({
      topic: (real) => ({
        get config() {
          return { partitions: real.config.partitions, components: real.config.components };
        },
      }),
    }),
  ],
  "forgets that a validator was a function": [5, forgetsFunctions],
  "lists topics that are deleted": [5, listsDeleted],
  "lists the topics of one connection": [
    5,
    () => ({ backend: (real, connection) => ({ listTopics: () => (connection === 0 ? real.listTopics() : of([])) }) }),
  ],
  "loses events when a partition is added": [5, losesOnAdding],
  "adds one partition at a time": [5, () => ({ topic: (real) => ({ addPartitions: () => real.addPartitions(1) }) })],
  "makes one partition fewer": [
    7,
    () => ({
      backend: (real) => ({
        createTopic: (name, config) =>
          real.createTopic(name, { ...config, partitions: Math.max(1, config.partitions - 1) }),
      }),
    }),
  ],
  "takes no long names": [
    32,
    () => ({
      backend: (real) => ({
        createTopic: (name, config) =>
          name.length > 200
            ? throwError(() => new SluiceError("ERR_STORAGE", "too long"))
            : real.createTopic(name, config),
      }),
    }),
  ],
  "knows no capitals": [
    32,
    () => ({
      backend: (real) => ({
        createTopic: (name, config) => mapped(real.createTopic(name.toLowerCase(), config), (topic) => topic),
        openTopic: (name) => (name === name.toLowerCase() ? real.openTopic(name) : throwError(() => new Error(name))),
        listTopics: () => mapped(real.listTopics(), (names) => names.filter((name) => name !== "a.b_c-9")),
      }),
    }),
  ],
  "seals the first partition only": [
    27,
    () => ({
      partition: (real) =>
        real.index === 0
          ? {}
          : {
              bounds: () => mapped(real.bounds(), (bounds) => ({ ...bounds, sealed: false })),
              read: (position, limits) => concat(real.read(position, limits), NEVER),
            },
    }),
  ],
  "does not seal": [27, () => ({ topic: () => ({ seal: () => of(undefined) }) })],
  "never ends its closing": [33, () => ({ backend: () => ({ close: () => NEVER }) })],
};

const components = {
  validator: { type: "accept-all" },
  partitionSelector: { type: "round-robin" },
  serializer: { type: "json" },
};

function hidesDeleted(): Fault {
  const deleted = new Set<string>();
  return {
    backend: (real) => ({
      deleteTopic: (name) => defer(() => of(void deleted.add(name))),
      createTopic: (name, config) =>
        defer(() => (deleted.delete(name) ? real.openTopic(name) : real.createTopic(name, config))),
      openTopic: (name) =>
        defer(() =>
          deleted.has(name) ? throwError(() => new SluiceError("ERR_TOPIC_NOT_FOUND", name)) : real.openTopic(name),
        ),
    }),
  };
}

function leavesReaders(): Fault {
  return {
    topic: (real) => ({
      join: (consumer, options) => from(real.join(consumer, options)).pipe(catchError(() => NEVER)),
    }),
    partition: (real) => ({
      read: (position, limits) => from(real.read(position, limits)).pipe(catchError(() => NEVER)),
    }),
  };
}

function forgetsFunctions(): Fault {
  return {
    topic: (real) => ({
      get config() {
        return {
          ...real.config,
          components: {
            ...real.config.components,
            ...(real.config.components.validator.type === "function" && { validator: components.validator }),
          },
        };
      },
    }),
  };
}

function listsDeleted(): Fault {
  const names = new Set<string>();
  return {
    backend: (real) => ({
      createTopic: (name, config) => mapped(real.createTopic(name, config), (topic) => (names.add(name), topic)),
      listTopics: () => defer(() => of([...names])),
    }),
  };
}

function losesOnAdding(): Fault {
  const lost = new Map<BackendTopic["partitions"][number], number>();
  return {
    topic: (real) => ({
      addPartitions: (count) =>
        from(real.partitions[0]!.bounds()).pipe(
          switchMap(({ end }) => {
            lost.set(real.partitions[0]!, end);
            return real.addPartitions(count);
          }),
        ),
    }),
    partition: (real) => ({
      read: (position, limits) => defer(() => real.read(Math.max(position, lost.get(real) ?? 0), limits)),
    }),
  };
}
