import { from } from "rxjs";
import { Promised, type Future } from "../../../src/model/future.ts";

/**
 * What a robust producer answers to a push: two futures by name.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 *
 * const driver = await connect("memory:");
 * const topic = await driver.createTopic<{ n: number }>("numbers");
 * const producer = await topic.robustProducer({ journal: memoryBackend() });
 * const { accepted, delivered } = producer.push({ n: 1 });
 * console.log(await accepted, await delivered); // 0 0
 * await driver.close();
 * ```
 */
export class Pushed {
  /** Resolves with the event's position in the journal, once it is there; rejects when the journal did not take it. */
  readonly accepted: Future<number>;
  readonly #deliveredAt: (position: number) => Future<number>;
  #delivered: Promised<number> | undefined;

  /** @internal */
  constructor(accepted: Future<number>, deliveredAt: (position: number) => Future<number>) {
    this.accepted = accepted;
    this.#deliveredAt = deliveredAt;
  }

  /**
   * Resolves with the event's id, once the backend has stored it: -1 when the backend has forgotten where. Rejects when the
   * journal did not take the event, when it was put aside, and with `ERR_CLOSED` when the producer is closed before; the
   * event is in the journal then, and will be sent. Each future that is asked for takes memory until it settles.
   */
  get delivered(): Future<number> {
    if (this.#delivered !== undefined) return this.#delivered;
    const promised = new Promised<number>();
    this.#delivered = promised;
    const fail = (error: unknown) => promised.reject(error);
    from(this.accepted).subscribe({
      next: (position) =>
        from(this.#deliveredAt(position)).subscribe({ next: (id) => promised.resolve(id), error: fail }),
      error: fail,
    });
    return promised;
  }
}
