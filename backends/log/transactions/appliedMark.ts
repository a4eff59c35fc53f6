import { from, lastValueFrom } from "rxjs";
import type { Lease } from "../../../src/model/backend.ts";
import type { LogTopic } from "../topic.ts";

/** How much may be applied before that is noted: as much is looked at again after a crash. */
const maxTransactions = 64;
const maxBytes = 8 << 20;

/**
 * How far the journal of transactions has been applied: the acknowledged position of a consumer of it, so what is before it
 * may be dropped. It is behind the truth, since a transaction that is applied again changes nothing.
 */
export class AppliedMark {
  /** Under which the mark is kept. */
  static readonly consumer = "applied";
  /** Where the journal goes on that was found. */
  readonly position: number;
  readonly #lease: Lease;
  /** Transactions that have begun to be applied, oldest first, with the position behind each. */
  readonly #open = new Map<number, { readonly next: number; readonly bytes: number; isApplied: boolean }>();
  #next: number;
  #count = 0;
  #bytes = 0;

  private constructor(lease: Lease) {
    this.#lease = lease;
    this.position = lease.position ?? 0;
    this.#next = this.position;
  }

  static async open(journal: LogTopic): Promise<AppliedMark> {
    const [lease] = await new Promise<readonly Lease[]>((resolve, reject) => {
      // It stays a member until the journal is closed.
      journal.join(AppliedMark.consumer, { partitions: undefined }).subscribe({ next: resolve, error: reject });
    });
    return new AppliedMark(lease!);
  }

  /** Notes a transaction of the journal, in its order. */
  begin(id: number, next: number, bytes: number): void {
    this.#open.set(id, { next, bytes, isApplied: false });
  }

  /** Notes that all of a transaction is stored where it belongs. */
  applied(id: number): void {
    this.#open.get(id)!.isApplied = true;
    for (const [first, { next, bytes, isApplied }] of this.#open) {
      if (!isApplied) break;
      this.#open.delete(first);
      this.#next = next;
      this.#count++;
      this.#bytes += bytes;
    }
    if (this.#count >= maxTransactions || this.#bytes >= maxBytes) this.#store().catch(() => undefined);
  }

  /** Stores the mark. One that could not be stored costs no more than looking again. */
  async close(): Promise<void> {
    if (this.#count > 0) await this.#store().catch(() => undefined);
  }

  async #store(): Promise<void> {
    this.#count = 0;
    this.#bytes = 0;
    await lastValueFrom(from(this.#lease.acknowledge(this.#next)), { defaultValue: undefined });
  }
}
