import { fork, type ChildProcess } from "node:child_process";
import { firstValueFrom, from, timeout, timer } from "rxjs";
import { errorCodes, SluiceError, type ErrorCode } from "sluice";
import type { ServiceLogger } from "sluice/backends/service/server";
import { CommandError } from "../../commandError.ts";
import type { Terminal } from "../../terminal.ts";
import type { RankCounts } from "../counts.ts";
import type { ListenerConfig, LoadedConfig } from "../serviceConfig.ts";
import type { FromRank, RankProblem, ToRank } from "./rankMessages.ts";

/** Milliseconds between two attempts to start a rank anew: twice as long each time that it ends soon after. */
const [firstPause, longestPause] = [50, 5000];
/** Milliseconds after which a rank counts as one that works. */
const soon = 5000;
/** Milliseconds that a rank has to say what it has counted. */
const patience = 2000;

/** What a rank wants of whoever looks after all of them. */
export interface RankNeeds {
  /** It is there again, by another process. */
  readonly restarted: () => Promise<void>;
  /** What the other ranks have counted. */
  readonly others: (than: SupervisedRank) => Promise<readonly RankCounts[]>;
}

/** One rank of a service, in a process that is started anew when it ends. */
export class SupervisedRank {
  #open: Extract<ToRank, { type: "open" }>;
  readonly #logger: ServiceLogger;
  readonly #terminal: Pick<Terminal, "stderr" | "env">;
  readonly #needs: RankNeeds;
  #child: ChildProcess | undefined;
  /** Its process, once clients can come to it. */
  #serving: ChildProcess | undefined;
  /** What its process was opened with. */
  #opened: ToRank | undefined;
  #addresses: readonly string[] = [];
  #listeners: readonly ListenerConfig[] = [];
  #origins: readonly string[] | undefined;
  #pause = firstPause;
  #isClosing = false;
  #counting: Promise<RankCounts | undefined> | undefined;

  constructor(
    open: Extract<ToRank, { type: "open" }>,
    logger: ServiceLogger,
    terminal: Pick<Terminal, "stderr" | "env">,
    needs: RankNeeds,
  ) {
    this.#open = open;
    this.#logger = logger;
    this.#terminal = terminal;
    this.#needs = needs;
  }

  /** Where clients reach it. It stays the same. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Its process. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts its process and has it open what it has. */
  async open(): Promise<void> {
    const extension = new URL(import.meta.url).pathname.endsWith(".ts") ? ".ts" : ".js";
    const child = fork(new URL(`./rankProcess${extension}`, import.meta.url), [], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...this.#terminal.env },
    });
    child.stderr!.on("data", (chunk: Buffer) => this.#terminal.stderr.write(chunk));
    child.on("error", () => {}); // It is told by `exit`, or by what is not answered.
    child.on("message", (message: FromRank) => {
      if (message.type === "whatOthers") void this.#tellOthers(child, message.question);
    });
    this.#child = child;
    this.#opened = this.#open;
    await ask(child, this.#open, "opened");
  }

  /** Has it serve clients. From the second time on it listens where it did before. */
  async serve(listeners: readonly ListenerConfig[], origins: readonly string[] | undefined): Promise<void> {
    this.#origins = origins;
    const { addresses } = await ask(this.#child!, { type: "serve", listeners, origins }, "serving");
    this.#addresses = addresses;
    this.#listeners = listeners.map((each, i) =>
      each.type === "unix" ? each : { ...each, port: portOf(addresses[i]!) },
    );
    const child = this.#child!;
    if (this.#opened !== this.#open) await takeOver(child, this.#open.config);
    this.#serving = child;
    child.once("exit", () => (this.#serving = undefined));
  }

  /** Starts it anew from now on when it ends. */
  keepRunning(): void {
    const { rank } = this.#open;
    const started = performance.now();
    const child = this.#child!;
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      if (this.#isClosing) return;
      this.#logger.error({ rank, pid: child.pid, code, signal }, "a rank has ended, and is started anew");
      if (performance.now() - started > soon) this.#pause = firstPause;
      void this.#startAnew();
    };
    if (hasEnded(child)) ended(child.exitCode, child.signalCode);
    else child.once("exit", ended);
  }

  /** Has it take over what of a configuration may change. Rejects with why it does not. One that is down has it when it is back. */
  async reload(config: LoadedConfig): Promise<void> {
    const before = this.#open;
    this.#open = { ...before, config };
    const child = this.#serving;
    if (child === undefined) return; // It is on its way back, and hears of it then.
    try {
      await takeOver(child, config);
    } catch (error) {
      if (hasEnded(child)) return;
      this.#open = before;
      throw error;
    }
  }

  /** What it has counted; undefined when it is down, or does not say it in time. It is asked once at a time, however many want to know. */
  counts(): Promise<RankCounts | undefined> {
    return (this.#counting ??= this.#count().finally(() => (this.#counting = undefined)));
  }

  tell(message: ToRank): void {
    send(this.#child, message);
  }

  /** Ends it, and kills it when it takes much longer than it was given. */
  async close(deadline: number): Promise<void> {
    this.#isClosing = true;
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    this.tell({ type: "close", deadline });
    const late = timer(2 * deadline + 5000).subscribe(() => child.kill("SIGKILL"));
    await ended;
    late.unsubscribe();
  }

  /** It serves, whatever becomes of the news. */
  async #tellRestarted(): Promise<void> {
    try {
      await this.#needs.restarted();
    } catch (error) {
      const { message } = error as Error;
      this.#logger.error({ rank: this.#open.rank, message }, "the group file could not be written");
    }
  }

  async #count(): Promise<RankCounts | undefined> {
    const child = this.#serving;
    if (child === undefined) return undefined;
    try {
      return (await firstValueFrom(from(ask(child, { type: "count" }, "counted")).pipe(timeout(patience)))).counts;
    } catch {
      return undefined;
    }
  }

  async #tellOthers(child: ChildProcess, question: number): Promise<void> {
    send(child, { type: "others", question, counts: await this.#needs.others(this) });
  }

  async #startAnew(): Promise<void> {
    const { rank } = this.#open;
    while (!this.#isClosing) {
      try {
        await this.open();
        await this.serve(this.#listeners, this.#origins);
        this.#logger.info({ rank, pid: this.pid }, "a rank is there again");
        this.keepRunning();
        return await this.#tellRestarted();
      } catch (error) {
        if (this.#isClosing) return;
        this.#logger.error({ rank, message: (error as Error).message }, "a rank could not be started anew");
        this.#child?.kill("SIGKILL");
        await firstValueFrom(timer(this.#pause));
        this.#pause = Math.min(longestPause, 2 * this.#pause);
      }
    }
  }
}

/** Tells a rank something, if it is there to hear it. */
function send(child: ChildProcess | undefined, message: ToRank): void {
  if (child?.connected === true) child.send(message);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Has a rank take over what of a configuration may change. */
async function takeOver(child: ChildProcess, config: LoadedConfig): Promise<void> {
  const { problem } = await ask(child, { type: "reload", config }, "reloaded");
  if (problem !== undefined) throw errorOf(problem);
}

/** Tells a rank to do something, and waits until it has. */
function ask<T extends FromRank["type"]>(
  child: ChildProcess,
  message: ToRank,
  wanted: T,
): Promise<Extract<FromRank, { type: T }>> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new CommandError("A rank of the service has ended before it was there"));
    if (hasEnded(child)) return ended();
    const answered = (answer: FromRank) => {
      if (answer.type !== wanted && answer.type !== "failed") return;
      child.off("message", answered).off("exit", ended).off("error", reject);
      if (answer.type === wanted) resolve(answer as Extract<FromRank, { type: T }>);
      else if (answer.type === "failed") reject(errorOf(answer));
    };
    child.on("message", answered).once("exit", ended).once("error", reject);
    child.send(message, (error) => {
      if (error !== null) reject(error);
    });
  });
}

/** The error of a rank, as it would be here. */
function errorOf({ message, code }: RankProblem): Error {
  if (code === undefined) return new CommandError(message);
  if ((errorCodes as readonly string[]).includes(code)) return new SluiceError(code as ErrorCode, message);
  return Object.assign(new Error(message), { code });
}

function portOf(address: string): number {
  return Number(/:(\d+)(?:\/|$)/.exec(address)?.[1]);
}
