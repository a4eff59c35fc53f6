import { SluiceError } from "../../../src/model/errors.ts";
import type { ServiceLimits } from "./options.ts";
import { RateLimit } from "./rateLimit.ts";

/** Who and what a service is busy with, so that nobody takes more than a share. */
export class Load {
  readonly #limits: ServiceLimits;
  readonly #addresses = new Map<string, number>();
  readonly #users = new Map<string, number>();
  readonly #paused = new Set<() => void>();
  readonly #userRate: RateLimit;
  readonly #addressRate: RateLimit;
  #connections = 0;
  #bytes = 0;

  constructor(limits: ServiceLimits) {
    this.#limits = limits;
    this.#userRate = new RateLimit(limits.bytesPerSecondPerUser);
    this.#addressRate = new RateLimit(limits.bytesPerSecondPerAddress);
  }

  /** Counts a connection. Returns what counts it out. @throws SluiceError `ERR_LIMIT` when there are too many. */
  enter(address: string): () => void {
    const { connections, connectionsPerAddress } = this.#limits;
    if (this.#connections >= connections) throw tooMany("connections", connections);
    const leave = enter(this.#addresses, address, "connectionsPerAddress", connectionsPerAddress);
    this.#connections++;
    return () => {
      leave();
      this.#connections--;
    };
  }

  /** Counts a connection of a user. Returns what counts it out. @throws SluiceError `ERR_LIMIT` when there are too many. */
  enterAs(user: string): () => void {
    return enter(this.#users, user, "connectionsPerUser", this.#limits.connectionsPerUser);
  }

  /** Counts bytes that a user has sent from an address. Returns milliseconds after which more may come. */
  received(user: string, address: string, bytes: number): number {
    return Math.max(this.#userRate.take(user, bytes), this.#addressRate.take(address, bytes));
  }

  /** Counts bytes that are held for a client. Returns whether there is room for more. */
  hold(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes < this.#limits.bytes;
  }

  /** Counts bytes out, and lets those go on who wait for room. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes >= this.#limits.bytes || this.#paused.size === 0) return;
    const waiting = [...this.#paused];
    this.#paused.clear();
    for (const resume of waiting) resume();
  }

  /** Calls back once there is room again. */
  whenRoom(resume: () => void): void {
    this.#paused.add(resume);
  }
}

function enter(counts: Map<string, number>, key: string, limit: string, most: number): () => void {
  const count = counts.get(key) ?? 0;
  if (count >= most) throw tooMany(limit, most);
  counts.set(key, count + 1);
  return () => {
    const left = counts.get(key)! - 1;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
}

function tooMany(limit: string, most: number): SluiceError {
  return new SluiceError("ERR_LIMIT", `The service takes no more: its limit '${limit}' is ${most}`, {
    details: { limit },
  });
}
