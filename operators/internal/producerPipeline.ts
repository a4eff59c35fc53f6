import type { NextObserver, Observer } from "rxjs";
import type { EventDraft } from "../../src/model/draft.ts";
import type { TopicHandle } from "../../src/model/topicHandle.ts";
import type { DraftStep } from "./draftSteps.ts";
import { Lanes } from "./lanes.ts";
import { DraftMapper, type DraftRejection } from "./mapDrafts.ts";
import type { PipelineHost } from "./pipelineHost.ts";
import { stepOptions, type PipelineOptions } from "./pipelineOptions.ts";
import { topicSteps } from "./topicSteps.ts";

/**
 * Opens the way of an event from a producer to its backend: validate, select a partition, serialize, gather into a batch
 * of the partition, send. It is made of the engines of the operators of these names. `produce` and `Producer` differ only
 * in what they do with the answers.
 *
 * @returns What takes the drafts.
 * @internal
 */
export function openPipeline<M, D extends EventDraft<M>>(
  topic: TopicHandle<M>,
  options: PipelineOptions,
  host: PipelineHost<D>,
): Observer<D> {
  const rejected = {
    next: ({ draft, error }: DraftRejection) => host.rejected(draft as D, error),
  } as NextObserver<unknown>;
  const rules = { ...stepOptions(options), rejected };
  const lanes = new Lanes<D>(topic.backend, options, host);
  // Under strict ordering a partition is selected in the order of the pushes, so validation is a stage of its own:
  // a selector that keeps state, as the round robin does, must not see events in the order in which they were validated.
  const { validate, place } = topicSteps<M>(topic, options);
  const abandoned = (drafts: readonly D[]) => {
    for (const draft of drafts) draft.payload = undefined; // It was not counted yet, where there was one.
    host.abandoned(drafts);
  };
  const placing = new DraftMapper<D>(lanes, "partition selector or serializer", place, rules, abandoned);
  const validating = new DraftMapper<D>(placing, "validator", validate, rules, abandoned);
  return new StraightWay<D>({ validate, validating, place, placing, lanes });
}

/** The two stages of the way, and what each does for a draft. */
interface Stages<D extends EventDraft> {
  readonly validate: DraftStep<D>;
  readonly validating: DraftMapper<D>;
  readonly place: DraftStep<D>;
  readonly placing: DraftMapper<D>;
  readonly lanes: Lanes<D>;
}

/**
 * Work that is done at once needs no engine to carry it: an event goes straight through the steps for as long as none
 * before it is waited for. From the first step that takes its time on, the engines have it.
 */
class StraightWay<D extends EventDraft> implements Observer<D> {
  readonly #validate: DraftStep<D>;
  readonly #validating: DraftMapper<D>;
  readonly #place: DraftStep<D>;
  readonly #placing: DraftMapper<D>;
  readonly #lanes: Lanes<D>;

  constructor({ validate, validating, place, placing, lanes }: Stages<D>) {
    this.#validate = validate;
    this.#validating = validating;
    this.#place = place;
    this.#placing = placing;
    this.#lanes = lanes;
  }

  next(draft: D): void {
    if (!this.#validating.isIdle || !this.#placing.isIdle) return this.#validating.next(draft);
    let engine = this.#validating;
    let answer: PromiseLike<unknown> | undefined;
    try {
      answer = this.#validate(draft);
      if (answer === undefined) {
        engine = this.#placing;
        answer = this.#place(draft);
      }
    } catch (error) {
      return engine.reject(draft, error);
    }
    if (answer === undefined) this.#lanes.next(draft);
    else engine.later(draft, answer);
  }

  error(error: unknown): void {
    this.#validating.error(error);
  }

  complete(): void {
    this.#validating.complete();
  }
}
