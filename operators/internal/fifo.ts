/** A queue whose head is taken in constant time, however long it is; `Array.shift` moves everything behind it. @internal */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  /** How many items wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head++]!;
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head); // So that what has gone is not kept alive by the queue.
      this.#head = 0;
    }
    return item;
  }

  /** Takes all items, oldest first. */
  takeAll(): T[] {
    const all = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return all;
  }
}
