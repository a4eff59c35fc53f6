import { connect, type Driver } from "sluice";
import { CommandError } from "./commandError.ts";
import { readConfigFile } from "./configFile.ts";
import { mergeConfig, isObject, type JsonObject } from "./dottedOptions.ts";
import { driverOptions } from "./driverOptions.ts";
import { checkLogExists, driverUrl } from "./driverUrl.ts";
import { Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** The options that every command takes. */
export interface GlobalOptions {
  /** The URL of the backend. */
  readonly driver?: string | undefined;
  /** A file with options for the backend. */
  readonly driverConfig?: string | undefined;
  /** The group file of a running service. */
  readonly groupfile?: string | undefined;
  /** Whether results are JSON. */
  readonly json?: boolean | undefined;
  /** Whether an error shows what is underneath. */
  readonly verbose?: boolean | undefined;
}

/** One run of a command: what it was given, where it writes, and whether it is asked to stop. */
export class Invocation {
  /** The process around it. */
  readonly terminal: Terminal;
  /** Where results and notes go. */
  readonly output: Output;
  /** What the dotted options said. */
  readonly groups: JsonObject;
  /** The options that every command takes. */
  readonly globals: GlobalOptions;
  readonly #stop = new AbortController();
  readonly #drivers: Driver[] = [];
  #signal: "SIGINT" | "SIGTERM" | undefined;

  constructor(terminal: Terminal, globals: GlobalOptions, groups: JsonObject) {
    this.terminal = terminal;
    this.globals = globals;
    this.groups = groups;
    this.output = new Output(terminal, globals.json === true, () => this.#stop.abort());
  }

  /** Aborted when the command is to end soon: by a signal, or because nobody reads its results. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Which signal asked the command to stop. */
  get signal(): "SIGINT" | "SIGTERM" | undefined {
    return this.#signal;
  }

  /**
   * From now on a signal does not end the process: it aborts `stopping`, and the command stores what it holds.
   *
   * @param say - Told what is going on.
   */
  stopOnSignal(say = (text: string) => this.output.note(text)): void {
    this.terminal.onSignal((signal) => {
      this.#signal = signal;
      say(`Stopping by ${signal}, once everything is stored. The same again stops at once.`);
      this.#stop.abort();
    });
  }

  /**
   * From now on SIGHUP does not end the process: it has the configuration read again. When the terminal that the command was
   * started in is gone, it stops as by a signal.
   */
  reloadOnHangUp(reload: () => void): void {
    this.terminal.onHangUp?.((reason) => {
      if (reason === "reload") reload();
      else this.#stop.abort();
    });
  }

  /** From now on the command stops when nobody reads its results any more, also while it has nothing to write. */
  stopWhenUnread(): void {
    this.terminal.onReaderGone?.(() => this.#stop.abort());
  }

  /** What the dotted options of one name said: `--driver.path x` is `{ path: "x" }` of `driver`. */
  group(name: string): JsonObject {
    const group = this.groups[name];
    if (group === undefined) return {};
    if (isObject(group)) return group;
    throw new CommandError(`--${name}.… must have a key`);
  }

  /**
   * Connects to the backend that the command line, the environment or a group file in the working directory names.
   *
   * @param options - Options for the backend, beneath those of the command line.
   */
  async connect(options: JsonObject = {}): Promise<Driver> {
    return this.connectTo(driverUrl(this.globals, this.terminal), await this.givenOptions(options));
  }

  /** The options for the backend that `--driver-config` and the dotted options give, over others. */
  async givenOptions(options: JsonObject = {}): Promise<JsonObject> {
    const { driverConfig } = this.globals;
    const fromFile = driverConfig === undefined ? {} : await readConfigFile(driverConfig, this.terminal.cwd);
    return mergeConfig(options, fromFile, this.group("driver"));
  }

  /** As `connect`, for a command that changes nothing: a log is then read beside the process that writes it. */
  connectToRead(): Promise<Driver> {
    const url = driverUrl(this.globals, this.terminal);
    return this.connect(url.startsWith("log:") ? { mode: "read-only" } : {});
  }

  /** Connects to a backend by its URL. It is closed with the command. */
  async connectTo(url: string, options: JsonObject = {}): Promise<Driver> {
    const checked = await driverOptions(url, options, this.terminal);
    if (url.startsWith("log:") && checked["mode"] === "read-only") checkLogExists(url, this.terminal);
    const driver = await connect(url, checked);
    this.#drivers.push(driver);
    return driver;
  }

  /** Closes every connection, waiting for as long as it takes to store what is under way. */
  async close(): Promise<void> {
    for (const driver of this.#drivers.splice(0)) await driver.close({ deadline: closeDeadline });
  }
}

/** Milliseconds. Commands flush before they close, so this is only for a backend that does not answer any more. */
const closeDeadline = 30_000;
