import type { Capabilities } from "../../src/index.ts";
import { acknowledging } from "./acknowledging.ts";
import { badInput } from "./badInput.ts";
import { batching } from "./batching.ts";
import { closing } from "./closing.ts";
import { compacting } from "./compaction.ts";
import { components } from "./components.ts";
import { consuming } from "./consuming.ts";
import { dataSelection } from "./dataSelection.ts";
import { durabilityAndFlush } from "./durabilityAndFlush.ts";
import { ending } from "./ending.ts";
import { events } from "./events.ts";
import { exactlyOnce } from "./exactlyOnce.ts";
import { flowControl } from "./flowControl.ts";
import { groups } from "./groups.ts";
import { idempotence } from "./idempotence.ts";
import { ordering } from "./ordering.ts";
import { producing } from "./producing.ts";
import { views } from "./views.ts";
import { World, type BackendUnderTest, type TopicShape } from "./world.ts";

export type { BackendUnderTest, TopicShape } from "./world.ts";

/**
 * Registers a test, as the `test` of AVA, `node:test`, Vitest, Jest and Mocha do. A framework that hands its tests an object
 * with a `pass` method, as AVA does, has it called when a test has succeeded.
 */
export type TestRegistrar = (title: string, body: (t?: unknown) => Promise<void>) => unknown;

/** What {@link conformance} has to be told. */
export interface ConformanceOptions {
  /** Registers a test. */
  readonly test: TestRegistrar;
  /** Makes an empty backend. Called once for each test. */
  readonly backend: () => Promise<BackendUnderTest>;
  /** What the backend declares. Where it cannot do something, the opposite is tested. @default it can do everything */
  readonly capabilities?: Partial<Capabilities>;
  /** How topics are made by tests that do not say it themselves. @default one partition, JSON */
  readonly topic?: TopicShape;
  /** Milliseconds after which a condition that has not come true fails its test. @default 20000 */
  readonly deadline?: number;
  /** Milliseconds in which the backend surely brings an event that is there. @default 20 */
  readonly idle?: number;
  /** The length of the longest name of a topic, where the backend puts something of its own in front. @default 249 */
  readonly longestName?: number;
  /** Follows each title in brackets, so that the suite can run several times in one file. @default nothing */
  readonly label?: string;
}

const everything: Capabilities = {
  durability: "memory",
  persistent: false,
  contiguousIds: true,
  idempotent: true,
  groups: true,
  seal: true,
  addPartitions: true,
  findByTime: true,
  partialData: true,
};

/**
 * Tests that a backend keeps what Sluice promises. Each title begins with the number of the promise in docs/semantics.
 *
 * | promises | tested in | elsewhere, since it cannot be seen through a backend |
 * | --- | --- | --- |
 * | 2, 6 | `compaction`, where a backend compacts topics | that older events go: by each backend's own tests |
 * | 1–3 | `events` | that metadata and data travel apart: by each backend's own tests |
 * | 4, 6–9 | `producing` | |
 * | 5 | `components` | components by module and on threads: test/components, test/threads |
 * | 10–12 | `batching` | exact times: test/operators/batch, in virtual time |
 * | 13 | `ordering` | |
 * | 14–16 | `durabilityAndFlush` | a kill or a loss of power: by the own tests of each backend that is to survive it |
 * | 17 | `idempotence` | a restart: by the own tests of each backend that outlives its process |
 * | 18, 28 | `consuming` | |
 * | 19, 20 | `acknowledging` | a kill of both sides: as for 14. `ERR_NOT_DELIVERED`: test/operators, since a caller has no event that was not delivered |
 * | 21 | `groups` | |
 * | 22, 23 | `dataSelection` | |
 * | 24 | `views` | the whole algebra: test/model/descriptor |
 * | 25 | `flowControl` | |
 * | 26, 27 | `ending` | |
 * | 29, 33 | `closing` | handles that keep a process alive: test/house/exit, in a child process |
 * | 30 | `components` | virtual time and marbles: test/operators |
 * | 31, 32 | `badInput` | |
 * | 34 | | what a browser can load: test/house/arrows |
 * | 35 | `exactlyOnce` | a kill or a loss of power: as for 14 |
 *
 * @param options - The registrar, the backend, and what it declares.
 * @throws TypeError when the registrar or the backend is not a function.
 *
 * @example
 * ```ts
 * import { conformance } from "sluice/conformance";
 *
 * const titles: string[] = [];
 * conformance({
 *   test: (title) => titles.push(title), // The `test` of AVA or of node:test in life.
 *   backend: async () => ({ url: "memory:", destroy: async () => {} }),
 *   capabilities: { findByTime: false },
 * });
 * console.log(titles.includes("§18 startFrom: a time is refused with ERR_UNSUPPORTED")); // true
 * ```
 */
export function conformance({
  test,
  backend,
  capabilities = {},
  topic = {},
  deadline = 20_000,
  idle = 20,
  longestName = 249,
  label,
}: ConformanceOptions): void {
  if (typeof test !== "function") throw new TypeError(`'test' must be a function: current value is ${String(test)}`);
  if (typeof backend !== "function")
    throw new TypeError(`'backend' must be a function: current value is ${String(backend)}`);
  const settings = { can: { ...everything, ...capabilities }, shape: topic, deadline, idle, longestName };
  const register = (title: string, body: (world: World) => Promise<void>) =>
    test(label === undefined ? title : `${title} (${label})`, async (t) => {
      const world = await World.open(await backend(), settings);
      try {
        await world.within("the test to end", body(world), 5 * deadline);
      } finally {
        await world.destroy();
      }
      pass(t);
    });
  for (const group of [events, compacting, producing, batching, ordering, durabilityAndFlush, idempotence])
    group({ ...settings, test: register });
  for (const group of [consuming, acknowledging, groups, dataSelection, views, flowControl])
    group({ ...settings, test: register });
  for (const group of [ending, badInput, closing, components, exactlyOnce]) group({ ...settings, test: register });
}

/** Tells a framework that counts assertions that there was one. */
function pass(t: unknown): void {
  const told = t as { pass?: () => void } | undefined;
  if (typeof told?.pass === "function") told.pass();
}
