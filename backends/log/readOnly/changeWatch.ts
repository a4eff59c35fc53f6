import { asyncScheduler, type Subscription } from "rxjs";
import type { Storage } from "../storage/storage.ts";

/** Milliseconds after which is looked again, where the system has told of no change. */
const interval = 200;

/**
 * Says that a directory may have changed: when the system tells of it, and now and then, since not every file system does.
 * It keeps the process alive while it runs.
 */
export class ChangeWatch {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #changed: () => void;
  #stop: (() => void) | undefined;
  #timer: Subscription | undefined;

  constructor(storage: Storage, path: string, changed: () => void) {
    this.#storage = storage;
    this.#path = path;
    this.#changed = changed;
  }

  /** Begins, when it has not begun. */
  start(): void {
    this.#timer ??= asyncScheduler.schedule(() => {
      this.#timer = undefined;
      this.start();
      this.#changed();
    }, interval);
    // It fails for as long as there is no such directory.
    this.#stop ??= this.#storage.watch?.(this.#path, this.#changed);
  }

  /** Ends; may be begun again. */
  stop(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#stop?.();
    this.#stop = undefined;
  }
}
