import type { NextObserver } from "rxjs";
import { checkAmount, checkChoice } from "../../src/model/check.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import type { BatchReport } from "./pipelineHost.ts";
import { checkPipelineOptions, type PipelineOptions } from "./pipelineOptions.ts";

/** The options that `produce` and `Producer` share. */
export interface ProducerCoreOptions extends PipelineOptions {
  /**
   * Bytes that may be waiting or in flight, payload and data and about 256 bytes for each event. At half of it the
   * producer is not ready any more; beyond it `overflow` says what becomes of an event. @default 128 MiB
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * What becomes of an event that comes while `maxBufferedBytes` are waiting: `"fail"` fails it with `ERR_OVERFLOW` (and
   * ends a stream), `"drop"` leaves it out and tells those who are told of rejected events, `"buffer"` keeps it all the
   * same, without a bound. @default "fail"
   */
  readonly overflow?: OverflowPolicy | undefined;
  /**
   * `"off"`, or `"checksum"` to find out callers that change data before its event is stored. Such an event fails with
   * `ERR_DATA_CHANGED`. For debugging: it reads all data two more times. @default "off"
   */
  readonly changeDetection?: "off" | "checksum" | undefined;
  /** Told of each batch that has been stored: how large it was and how long that took. @default none */
  readonly batches?: NextObserver<BatchReport> | undefined;
}

/** What becomes of an event for which there is no room. */
export type OverflowPolicy = "fail" | "drop" | "buffer";

/** The options of a producer that are its own, with their defaults. @internal */
export type ProducerRules = {
  readonly [K in "maxBufferedBytes" | "overflow" | "changeDetection" | "concurrency"]: NonNullable<
    ProducerCoreOptions[K]
  >;
};

/** Checks the options of a producer and fills in the defaults of its own. @internal */
export function checkProducerOptions(
  topic: Pick<TopicHandle, "durability">,
  options: ProducerCoreOptions,
): ProducerRules {
  const { maxBufferedBytes = 128 << 20, overflow = "fail", changeDetection = "off", concurrency = 64 } = options;
  checkAmount("maxBufferedBytes", maxBufferedBytes, 1);
  checkChoice("overflow", overflow, ["fail", "drop", "buffer"]);
  checkChoice("changeDetection", changeDetection, ["off", "checksum"]);
  checkPipelineOptions(topic, options);
  return { maxBufferedBytes, overflow, changeDetection, concurrency };
}
