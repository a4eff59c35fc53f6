import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { lastValueFrom, timer } from "rxjs";
import { describeValue } from "../../../src/model/describeValue.ts";
import type { SluiceError } from "../../../src/model/errors.ts";
import type { CloseOptions } from "../../../src/model/topicHandle.ts";
import { protocolVersion } from "../protocol/frame.ts";
import { unreachable } from "../protocol/peer.ts";
import type { Wire } from "../protocol/wire.ts";
import { Access, type AccessOptions } from "./access.ts";
import { Directory } from "./directory.ts";
import { removeGroupFile, writeGroupFile } from "./groupFile.ts";
import { listen, type Listening } from "./listen.ts";
import { Load } from "./load.ts";
import { checkOptions, type CheckedOptions, type Listener, type ServeOptions, type ServiceTls } from "./options.ts";
import { ReusedMemory } from "./reusedMemory.ts";
import { ServiceConnection, type Origin } from "./serviceConnection.ts";
import type { ServiceContext } from "./serviceContext.ts";
import { Sessions } from "./sessions.ts";

/** What a service has counted since it was started, and how many clients it has now. */
export interface ServiceStatistics {
  /** Clients that are connected. */
  readonly connections: number;
  /** Batches that clients have sent. */
  readonly batches: number;
  /** Events in them. */
  readonly events: number;
  /** Bytes of them. */
  readonly bytes: number;
}

/** A service that is running. */
export interface Service {
  /** Where clients reach it: a URL for each listener. */
  readonly addresses: readonly string[];
  /** What it has counted. */
  readonly statistics: ServiceStatistics;
  /** Who holds which token and what each user may do, as it is now: for what answers beside the service, as a page does. */
  readonly access: Pick<Access, "wantsTokens" | "userOf" | "may" | "mayAll">;
  /** Forgets the tokens of a user, and ends what the user is doing. */
  revoke(user: string): void;
  /**
   * Replaces all tokens and rules while it runs. Who came by a token that is gone is closed at once, and what is under way
   * by a right that is gone ends; nobody else notices.
   *
   * @throws TypeError or RangeError when an entry or a rule is wrong, or when tokens were wanted so far and would not be, or the
   * other way round. Everything then stays as it was.
   */
  changeAccess(options: AccessOptions): void;
  /**
   * Shows another certificate to those who connect from now on. Connections that there are go on.
   *
   * @throws TypeError when the service was started without one, and what the system says of a certificate that is none.
   */
  changeTls(tls: ServiceTls): void;
  /** Takes no more, waits until what is being stored is answered or the deadline is over, and closes. May be called twice. */
  close(options?: CloseOptions): Promise<void>;
  /** As `close()`, so that `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves a backend to other processes and to web pages.
 *
 * Beyond the machine itself it listens only with a certificate and tokens.
 *
 * @param options - The backend, where to listen, who may do what.
 * @returns The service, once all its listeners are open.
 * @throws TypeError or RangeError when an option is wrong (as a rejection), and whatever keeps a listener from opening, such as
 * `ERR_LOCKED` for a Unix socket that somebody listens at.
 *
 * @example
 * ```ts
 * import { connect } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 * import { serve } from "sluice/backends/service/server";
 *
 * const service = await serve({ backend: memoryBackend(), listeners: [{ tcp: { port: 0 } }] });
 * const driver = await connect(service.addresses[0]!);
 * await driver.createTopic("collisions");
 * console.log(await driver.listTopics()); // ["collisions"]
 * await driver.close();
 * await service.close();
 * ```
 */
export async function serve(options: ServeOptions): Promise<Service> {
  const checked = checkOptions(options);
  const access = new Access(options.tokens, options.access);
  checked.listeners.forEach((listener) => assertSafe(listener, checked, access));
  const service = new RunningService(checked, access);
  await service.open();
  return service;
}

/** Milliseconds between two looks at whether everything has been answered. */
const lookMs = 5;

class RunningService implements Service {
  readonly access: Access;
  readonly #options: CheckedOptions;
  readonly #connections = new Set<ServiceConnection>();
  readonly #context: ServiceContext;
  readonly #counted = { batches: 0, events: 0, bytes: 0 };
  readonly #ownOrigins = new Set<string>();
  #listening: Listening[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: CheckedOptions, access: Access) {
    this.#options = options;
    this.access = access;
    const { capabilities } = options.backend;
    const { limits, heartbeat, leaseTime } = options;
    const service = randomBytes(8).toString("hex");
    this.#context = {
      options,
      access,
      directory: new Directory(options.backend),
      own: options.rank && new Directory(options.rank.own),
      load: new Load(limits),
      memory: new ReusedMemory(),
      sessions: new Sessions(leaseTime, limits.connections),
      count: ({ count }, bytes) => {
        this.#counted.batches++;
        this.#counted.events += count;
        this.#counted.bytes += bytes;
      },
      welcome: (user, resumed) => ({
        version: protocolVersion,
        service,
        resumed,
        user,
        capabilities,
        limits: {
          topicWindow: limits.topicWindow,
          window: limits.window,
          message: limits.message,
          streams: limits.streams,
        },
        heartbeat,
        leaseTime,
      }),
      gone: (connection) => void this.#connections.delete(connection as ServiceConnection),
    };
  }

  get addresses(): readonly string[] {
    return this.#listening.map(({ address }) => address);
  }

  get statistics(): ServiceStatistics {
    return { connections: this.#connections.size, ...this.#counted };
  }

  async open(): Promise<void> {
    const { listeners, groupFile, logger } = this.#options;
    try {
      for (const listener of listeners) {
        const accept = (wire: Wire, origin: Origin) => this.#accept(wire, origin);
        const listening = await listen(listener, this.#options, (origin) => this.#isAllowed(origin), accept);
        this.#listening.push(listening);
        for (const origin of listening.origins) this.#ownOrigins.add(origin);
        logger.info({ address: listening.address }, "listening");
      }
      if (groupFile !== undefined) await writeGroupFile(groupFile, this.addresses);
    } catch (error) {
      await this.close({ deadline: 0 });
      throw error;
    }
  }

  revoke(user: string): void {
    this.access.revoke(user);
    this.#recheck();
  }

  changeAccess(options: AccessOptions): void {
    this.access.change(options);
    this.#recheck();
  }

  close({ deadline = 5000 }: CloseOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(deadline));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadline: number): Promise<void> {
    const { groupFile, logger } = this.#options;
    if (groupFile !== undefined) await removeGroupFile(groupFile, this.addresses);
    const closed = this.#listening.map((listening) => listening.close());
    const end = performance.now() + deadline;
    while ([...this.#connections].some(({ isIdle }) => !isIdle) && performance.now() < end)
      await lastValueFrom(timer(lookMs));
    for (const connection of [...this.#connections]) connection.refuse(unreachable("The service is shutting down"));
    this.#context.sessions.endAll();
    await Promise.all(closed);
    logger.info({}, "closed");
  }

  changeTls(tls: ServiceTls): void {
    if (this.#options.tls === undefined)
      throw new TypeError("'tls' cannot come while a service runs: it was started without");
    createSecureContext({ ...tls }); // So that all listeners change, or none.
    for (const listening of this.#listening) listening.changeTls(tls);
  }

  #recheck(): void {
    this.#context.sessions.recheck(this.access);
    for (const connection of [...this.#connections]) connection.recheck();
  }

  #accept(wire: Wire, origin: Origin): void {
    if (this.#closing !== undefined) return wire.destroy();
    try {
      this.#connections.add(new ServiceConnection(wire, this.#context, origin));
    } catch (error) {
      this.#options.logger.warn({ address: origin.address, code: (error as SluiceError).code }, "client refused");
      wire.listen({ bytes: () => {}, drained: () => {}, closed: () => {} });
      wire.destroy();
    }
  }

  #isAllowed(origin: string): boolean {
    const { origins } = this.#options;
    return origins === undefined ? this.#ownOrigins.has(origin) : origins.includes(origin);
  }
}

/** @throws TypeError when a listener can be reached from other machines and has not both a certificate and tokens. */
function assertSafe(listener: Listener, { tls }: CheckedOptions, access: Access): void {
  if ("unix" in listener) return;
  const { host = "127.0.0.1" } = "tcp" in listener ? listener.tcp : listener.websocket;
  if (isLoopback(host) || (tls !== undefined && access.wantsTokens)) return;
  throw new TypeError(
    `A service that other machines can reach needs 'tls' and 'tokens': current value of 'host' is ${describeValue(host)}`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
