import { randomInt } from "node:crypto";
import { SluiceError } from "../../../src/model/errors.ts";
import type { Hello } from "../protocol/handshake.ts";
import type { Access, Credential } from "./access.ts";
import { Session, type SessionLink } from "./session.ts";

/** The sessions of a service: what clients hold, whether or not they are connected at the moment. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #leaseTime: number;
  /** Sessions without a connection are let go of, oldest first, above as many. */
  readonly #most: number;
  /** Leases are numbered from a place that an earlier run of the service has hardly been at: its leases are unknown. */
  #lease = randomInt(2 ** 47);

  constructor(leaseTime: number, most: number) {
    this.#leaseTime = leaseTime;
    this.#most = most;
  }

  /** The session of a client, which is new when there is none. @throws SluiceError `ERR_UNAUTHORIZED` when it is another user's. */
  claim({ session: id, again }: Hello, by: Credential): { readonly session: Session; readonly resumed: boolean } {
    const known = this.#sessions.get(id);
    if (known !== undefined && known.user !== by.user) {
      throw new SluiceError("ERR_UNAUTHORIZED", "The session belongs to another user");
    }
    if (known !== undefined && again) {
      known.credential = by;
      return { session: known, resumed: true };
    }
    known?.end();
    const session = new Session(id, by, () => this.#lease++);
    this.#sessions.set(id, session);
    return { session, resumed: false };
  }

  detach(session: Session, link: SessionLink): void {
    session.detach(link, this.#leaseTime, () => this.#forget(session));
    if (this.#sessions.size <= this.#most) return;
    const oldest = [...this.#sessions.values()].find(({ isAttached }) => !isAttached);
    if (oldest !== undefined) this.end(oldest);
  }

  end(session: Session): void {
    session.end();
    this.#forget(session);
  }

  endAll(): void {
    for (const session of [...this.#sessions.values()]) this.end(session);
  }

  /** Ends the sessions of those who would not be admitted any more, and what the others may not have any more. */
  recheck(access: Access): void {
    for (const session of [...this.#sessions.values()]) {
      if (access.holds(session.credential)) session.recheck(access);
      else this.end(session);
    }
  }

  #forget(session: Session): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }
}
