import { map, tap, type ObservableInput } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import type { Backend, BackendTopic } from "../model/backend.ts";
import { describeValue } from "../model/describeValue.ts";
import { FaultPlan } from "./faultPlan.ts";
import { FaultyTopic } from "./faultyTopic.ts";
import { Journal } from "./journal.ts";

/**
 * A backend that works as another one does, save for the faults of a plan: slow calls, failing calls, lost answers, calls
 * that hang, consumers that are fenced, partitions that are taken away. All waiting is RxJS time, so that
 * {@link runMarbles} moves it.
 *
 * @param backend - The backend. Any one will do; in virtual time one that needs no promise, such as `memoryBackend()`.
 * @param plan - The faults. It may be shared by several backends, and changed while they work.
 * @returns The backend. For `connect`, register it: `registerBackend("faulty", () => withFaults(…))`.
 * @throws TypeError when an argument is wrong.
 *
 * @example
 * ```ts
 * import { lastValueFrom, of, retry } from "rxjs";
 * import { EventDraft, json, packBatch } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { send } from "sluice/operators";
 * import { FaultPlan, testTopic, withFaults } from "sluice/testing";
 *
 * const faults = new FaultPlan();
 * const [partition] = testTopic({ backend: withFaults(memoryBackend(), faults) }).backend.partitions;
 * const draft = new EventDraft("once");
 * draft.payload = await json().serialize(draft.metadata);
 * const batch = packBatch([draft], { id: "app1", sequence: 0 });
 *
 * faults.append.loseAnswer(new Error("connection reset"), { times: 1 });
 * const { appended } = await lastValueFrom(of(batch).pipe(send(partition!), retry(1)));
 * console.log(faults.append.calls.length, appended.firstId); // 2 0
 * ```
 */
export function withFaults(backend: Backend, plan: FaultPlan): Backend {
  if (!(plan instanceof FaultPlan))
    throw new TypeError(`'plan' must be a FaultPlan: current value is ${describeValue(plan)}`);
  if (typeof backend !== "object" || backend === null) {
    throw new TypeError(`'backend' must be a backend: current value is ${describeValue(backend)}`);
  }
  const journals = new Map<string, Journal>();
  const journalOf = (topic: string): Journal => {
    const journal = journals.get(topic) ?? new Journal();
    journals.set(topic, journal);
    return journal;
  };
  const faultyTopic = (answer: ObservableInput<BackendTopic>) =>
    innerFrom(answer).pipe(map((topic): BackendTopic => new FaultyTopic(topic, plan, journalOf(topic.name))));
  const forget = (topic: string) => () => void journals.delete(topic);
  return {
    capabilities: backend.capabilities,
    createTopic: (topic, config) =>
      plan.createTopic.run({ topic, config }, () => faultyTopic(backend.createTopic(topic, config))),
    openTopic: (topic) => plan.openTopic.run({ topic }, () => faultyTopic(backend.openTopic(topic))),
    listTopics: () => plan.listTopics.run({}, () => backend.listTopics()),
    deleteTopic: (topic) =>
      plan.deleteTopic.run({ topic }, () =>
        innerFrom(backend.deleteTopic(topic)).pipe(tap({ complete: forget(topic) })),
      ),
    close: () => plan.close.run({}, () => backend.close()),
  };
}
