/** What a {@link PriorityQueue} holds: a priority, and the order of arrival inside it. @internal */
export interface Ranked {
  /** Higher goes first. */
  readonly priority: number;
  /** Among equal priorities, lower goes first. */
  readonly id: number;
}

/** Items, the most urgent first. @internal */
export interface PriorityQueue<T extends Ranked> {
  /** How many there are. */
  readonly size: number;
  /** Adds one. */
  push(item: T): void;
  /** The next one, left where it is. */
  peek(): T | undefined;
  /** Takes the next one out. */
  pop(): T | undefined;
}

/** Whether `a` goes before `b`: by priority, then by arrival. @internal */
export function goesBefore(a: Ranked, b: Ranked): boolean {
  return a.priority === b.priority ? a.id < b.id : a.priority > b.priority;
}

/** A binary heap: `push` and `pop` cost O(log n). @internal */
export function makePriorityQueue<T extends Ranked>(): PriorityQueue<T> {
  const heap: T[] = [];

  function push(item: T): void {
    let hole = heap.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as T;
      if (!goesBefore(item, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = item;
  }

  function pop(): T | undefined {
    const [first] = heap;
    const last = heap.pop();
    if (heap.length > 0) sinkFromTop(last as T);
    return first;
  }

  function sinkFromTop(item: T): void {
    let hole = 0;
    for (let child = childOf(hole); child !== undefined; child = childOf(hole)) {
      const below = heap[child] as T;
      if (!goesBefore(below, item)) break;
      heap[hole] = below;
      hole = child;
    }
    heap[hole] = item;
  }

  /** The child of a place that goes first. */
  function childOf(place: number): number | undefined {
    const left = 2 * place + 1;
    const right = left + 1;
    if (left >= heap.length) return undefined;
    return right < heap.length && goesBefore(heap[right] as T, heap[left] as T) ? right : left;
  }

  return {
    get size() {
      return heap.length;
    },
    push,
    peek: () => heap[0],
    pop,
  };
}
