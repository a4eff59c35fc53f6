import type { Backend } from "../../../src/model/backend.ts";
import { checkAmount, checkChoice, checkFunction } from "../../../src/model/check.ts";
import { describeValue } from "../../../src/model/describeValue.ts";
import { checkName } from "../../../src/model/names.ts";
import type { OpenJournalOptions } from "../../../src/model/topicHandle.ts";
import type { DeadLetter } from "../../processEvents.ts";
import { retryWithBackoff, type RetryOptions } from "../../retryWithBackoff.ts";
import { checkProducerOptions, type ProducerCoreOptions } from "../producerOptions.ts";
import type { FullPolicy } from "./backlog.ts";
import { classifyFailure, type FailureKind } from "./classifyFailure.ts";
import type { DeliveryRules } from "./lane.ts";

/** The options of a robust producer. Those of a producer say how events get into the journal. */
export interface RobustOptions<M = unknown>
  extends Omit<ProducerCoreOptions, "name" | "durability">, OpenJournalOptions {
  /**
   * A directory of the local disk for the journal, made when it is not there; or a backend to keep it in, which stays the
   * caller's to close. A journal is for one topic, and one producer at a time has it.
   */
  readonly journal: string | Backend;
  /** What the identity of the producer begins with. Consumers and operators of the backend may see it. @default "robust" */
  readonly name?: string | undefined;
  /**
   * Bytes that may wait in the journal to be sent, metadata and data and about 24 bytes for each event. One event that is
   * larger gets in when nothing else waits. @default 1 GiB
   */
  readonly maxBacklogBytes?: number | undefined;
  /** What becomes of events that come while that many wait: `"hold"` lets them wait in memory, with back-pressure, `"refuse"` fails them with `ERR_OVERFLOW`. @default "hold" */
  readonly full?: FullPolicy | undefined;
  /** When a batch is sent again that could not be stored. It is sent again for as long as it takes. @default 100 ms, doubled up to 30 s, half of it by chance */
  readonly retry?: Pick<RetryOptions, "initialDelay" | "jitter" | "maxDelay" | "random"> | undefined;
  /** Milliseconds for the backend to answer, after which a batch is sent again. @default 30000 */
  readonly deliveryTimeout?: number | undefined;
  /** What a failure means, where that is not what its code says; undefined leaves it at that. @default none */
  readonly classify?: ((error: unknown) => FailureKind | undefined) | undefined;
  /**
   * Told of each event that can never be stored, as `deadLetter` of `processEvents` is; `deadLetterTo(topic)` fits. It is
   * put aside when that is done. Events wait behind it meanwhile. It is kept beside the journal in any case. @default none
   */
  readonly deadLetter?: ((letter: DeadLetter<M>) => unknown) | undefined;
  /**
   * What becomes of a journal of which the backend has more than it has sent, since it was restored from a backup:
   * `"refuse"` fails with `ERR_STALE_JOURNAL`, `"accept"` goes on under a new identity. @default "refuse"
   */
  readonly restored?: "refuse" | "accept" | undefined;
  /** Whether it begins to send at once, or when `start()` is called. @default "automatic" */
  readonly delivery?: "automatic" | "manual" | undefined;
  /** Milliseconds without an event after which the journal is written anew when that gives space back. @default 1000 */
  readonly compactAfter?: number | undefined;
}

/** What a robust producer obeys, with the defaults filled in. */
export interface RobustRules<M> extends DeliveryRules {
  readonly name: string;
  readonly maxBacklogBytes: number;
  readonly full: FullPolicy;
  readonly deadLetter: ((letter: DeadLetter<M>) => unknown) | undefined;
  readonly delivery: "automatic" | "manual";
  readonly compactAfter: number;
}

/** Checks the options before anything happens, and fills in the defaults. */
export function checkRobustOptions<M>(options: RobustOptions<M>): RobustRules<M> {
  const {
    journal,
    name = "robust",
    maxBacklogBytes = 2 ** 30,
    full = "hold",
    retry = {},
    classify,
    deadLetter,
  } = options;
  const { deliveryTimeout = 30_000, restored = "refuse", delivery = "automatic", compactAfter = 1000 } = options;
  const { maxBatchEvents = 4096, maxBatchBytes = 1 << 20, durability = "disk" } = options;
  if (typeof journal !== "string" && typeof (journal as Partial<Backend> | null)?.openTopic !== "function")
    throw new TypeError(`'journal' must be a directory or a backend: current value is ${describeValue(journal)}`);
  if (journal === "") throw new RangeError(`'journal' must not be empty: current value is ""`);
  checkName("producer", name);
  checkAmount("maxBacklogBytes", maxBacklogBytes, 1);
  checkChoice("full", full, ["hold", "refuse"]);
  checkAmount("deliveryTimeout", deliveryTimeout, 1);
  checkChoice("restored", restored, ["refuse", "accept"]);
  checkChoice("delivery", delivery, ["automatic", "manual"]);
  checkChoice("durability", durability, ["disk", "os"]);
  checkAmount("compactAfter", compactAfter);
  if (classify !== undefined) checkFunction("classify", classify);
  if (deadLetter !== undefined) checkFunction("deadLetter", deadLetter);
  retryWithBackoff(retry);
  checkProducerOptions({}, options); // The durability is that of the journal, which says itself what it can give.
  return {
    name,
    maxBacklogBytes,
    full,
    retry,
    deliveryTimeout,
    deadLetter,
    restored,
    delivery,
    compactAfter,
    maxBatchEvents,
    maxBatchBytes,
    classify: (error) => classify?.(error) ?? classifyFailure(error),
  };
}
