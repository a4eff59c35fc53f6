import { defer, type Observable, type ObservableInput } from "rxjs";
import { innerFrom } from "../../operators/internal/innerFrom.ts";
import { checkAmount, checkFunction, checkInteger } from "../model/check.ts";
import { delayed } from "./faults/delayed.ts";
import { failing } from "./faults/failing.ts";
import type { Fault, FaultScope } from "./faults/fault.ts";
import { hanging } from "./faults/hanging.ts";
import { injectedError } from "./faults/injectedError.ts";
import { losingAnswer } from "./faults/losingAnswer.ts";

interface Rule<C> {
  readonly fault: Fault;
  /** Counts a call, and says whether the fault is for it. */
  readonly takes: (call: C) => boolean;
}

/**
 * The faults of one kind of call, `append` say. Each lasts until it is taken back or its `times` are used up. Where
 * several are for the same call they all take effect, delays last: a call that fails and is slow fails late.
 *
 * Every method that adds a fault throws a TypeError or RangeError when an argument is wrong.
 *
 * @typeParam C - What is known of a call.
 *
 * @example
 * ```ts
 * import { connect, registerBackend } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { FaultPlan, withFaults } from "sluice/testing";
 *
 * const faults = new FaultPlan();
 * const unregister = registerBackend("faulty", () => withFaults(memoryBackend(), faults));
 * const driver = await connect("faulty:");
 * const producer = (await driver.createTopic<{ n: number }>("numbers")).producer();
 *
 * faults.append.failOnce(new Error("disk full"));
 * await producer.push({ n: 1 }).catch((error) => console.log(String(error))); // SluiceError: A batch could not be stored: disk full
 * console.log(await producer.push({ n: 2 })); // 0
 * console.log(faults.append.calls.length); // 2
 * await driver.close().catch(() => {}); // It tells of the event that was not stored.
 * unregister();
 * ```
 */
export class CallFaults<C> {
  readonly #calls: C[] = [];
  #outcomes: Rule<C>[] = [];
  #delays: Rule<C>[] = [];

  /** The calls so far, oldest first, those that met a fault too. */
  get calls(): readonly C[] {
    return this.#calls;
  }

  /**
   * Makes calls slow: the backend does its work at once, its answer comes later.
   *
   * @param ms - Milliseconds of RxJS time, so that virtual time moves them.
   * @param scope - Which calls. @default every call
   * @returns What takes the fault back. Answers that are under way keep their delay.
   */
  delay(ms: number, scope?: FaultScope<C>): () => void {
    checkAmount("ms", ms);
    const rule = ruleOf(delayed(ms), scope);
    this.#delays.push(rule);
    return () => (this.#delays = this.#delays.filter((other) => other !== rule));
  }

  /**
   * Makes calls fail before the backend has seen them.
   *
   * @param error - The error. @default a `SluiceError` of code `ERR_STORAGE`
   * @param scope - Which calls. @default every call
   * @returns What takes the fault back.
   */
  fail(error: unknown = injectedError(), scope?: FaultScope<C>): () => void {
    return this.inject(failing(error), scope);
  }

  /**
   * Makes one call fail before the backend has seen it: the next one, or the first that `scope` is for.
   *
   * @param error - The error. @default a `SluiceError` of code `ERR_STORAGE`
   * @param scope - Which call. @default the next one
   * @returns What takes the fault back.
   */
  failOnce(error: unknown = injectedError(), scope?: Omit<FaultScope<C>, "times">): () => void {
    return this.fail(error, { ...scope, times: 1 });
  }

  /**
   * Makes the answer of calls get lost: the backend does its work (stores the batch, say), and the caller gets an error.
   *
   * @param error - The error. @default a `SluiceError` of code `ERR_STORAGE`
   * @param scope - Which calls. @default every call
   * @returns What takes the fault back.
   */
  loseAnswer(error: unknown = injectedError(), scope?: FaultScope<C>): () => void {
    return this.inject(losingAnswer(error), scope);
  }

  /**
   * Makes calls never reach the backend and never be answered.
   *
   * @param scope - Which calls. @default every call
   * @returns What takes the fault back. Calls that hang already go on hanging.
   */
  hang(scope?: FaultScope<C>): () => void {
    return this.inject(hanging(), scope);
  }

  /**
   * Adds a fault of your own.
   *
   * @param fault - What becomes of a call.
   * @param scope - Which calls. @default every call
   * @returns What takes the fault back.
   */
  inject(fault: Fault, scope?: FaultScope<C>): () => void {
    checkFunction("fault", fault);
    const rule = ruleOf(fault, scope);
    this.#outcomes.push(rule);
    return () => (this.#outcomes = this.#outcomes.filter((other) => other !== rule));
  }

  /** Takes all faults back. */
  heal(): void {
    this.#outcomes = [];
    this.#delays = [];
  }

  /** A call with the faults that are for it, decided when it is subscribed to. @internal */
  run<T>(call: C, work: () => ObservableInput<T>): Observable<T> {
    return defer(() => {
      this.#calls.push(call);
      const rules = [...this.#outcomes, ...this.#delays].filter(({ takes }) => takes(call));
      return rules.reduce<Observable<T>>(
        (answer, { fault }) => fault(answer),
        defer(() => innerFrom(work())),
      );
    });
  }
}

function ruleOf<C>(fault: Fault, { skip = 0, times = Infinity, when = () => true }: FaultScope<C> = {}): Rule<C> {
  checkInteger("skip", skip, 0);
  if (times !== Infinity) checkInteger("times", times, 1);
  checkFunction("when", when);
  let counted = 0;
  return {
    fault,
    takes: (call) => {
      if (!when(call)) return false;
      counted++;
      return counted > skip && counted <= skip + times;
    },
  };
}
