import type { Access, Right } from "./access.ts";
import { rights } from "./access.ts";
import type { DirectoryEntry } from "./directory.ts";

/**
 * A topic under the number that a client has chosen for it. The client uses the number before it knows that there is such a
 * topic, so requests wait, in their order, until it is open.
 */
export class TopicHandle {
  readonly user: string;
  readonly #name: string;
  readonly #access: Access;
  #may: ReadonlySet<Right>;
  #entry: DirectoryEntry | undefined;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(
    name: string,
    user: string,
    access: Access,
    opening: Promise<DirectoryEntry>,
    opened: (entry: DirectoryEntry) => void,
  ) {
    this.user = user;
    this.#name = name;
    this.#access = access;
    this.#may = this.#rights();
    opening.then(
      (entry) => {
        this.#entry = entry;
        opened(entry);
        this.#goOn();
      },
      (error: unknown) => {
        this.#failure = { error };
        this.#goOn();
      },
    );
  }

  /** Whether its user has one of some rights. */
  allows(wanted: readonly Right[]): boolean {
    return wanted.some((right) => this.#may.has(right));
  }

  /** Looks again at what its user may do. Returns whether that has become less. */
  recheck(): boolean {
    const before = this.#may;
    this.#may = this.#rights();
    return [...before].some((right) => !this.#may.has(right));
  }

  /** Calls back with the topic, or with why there is none. */
  use(then: (entry: DirectoryEntry) => void, failed: (error: unknown) => void): void {
    if (this.#entry !== undefined) then(this.#entry);
    else if (this.#failure !== undefined) failed(this.#failure.error);
    else this.#waiting.push(() => this.use(then, failed));
  }

  #rights(): ReadonlySet<Right> {
    return new Set(rights.filter((right) => this.#access.may(this.user, right, this.#name)));
  }

  #goOn(): void {
    for (const each of this.#waiting.splice(0)) each();
  }
}
