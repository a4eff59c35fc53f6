#!/usr/bin/env node
import { constants } from "node:os";
import { isatty } from "node:tty";
import { runCommandLine } from "./commandLine.ts";
import type { Terminal } from "./terminal.ts";
import { watchReader } from "./watchReader.ts";

/** The descriptors that are a terminal. One that is gone is none any more. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd));

const terminal: Terminal = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  onSignal(handler) {
    let isSecond = false;
    const onSignal = (signal: NodeJS.Signals) => {
      // Whoever asks twice does not want to wait for the rest to be stored.
      if (isSecond) process.exit(128 + constants.signals[signal]);
      isSecond = true;
      handler(signal as "SIGINT" | "SIGTERM");
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
    return () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  },
  onHangUp(handler) {
    const onSignal = () => handler(terminals.every((fd) => isatty(fd)) ? "reload" : "terminal gone");
    process.on("SIGHUP", onSignal);
    return () => void process.off("SIGHUP", onSignal);
  },
  onReaderGone: (handler) => watchReader(process.stdout.fd, handler),
};

/** Who waits for the next event of a log of its own has nothing else that keeps the process alive. */
const alive = setInterval(() => {}, 2 ** 30);
process.exitCode = await runCommandLine(process.argv.slice(2), terminal);
clearInterval(alive);
// A terminal or pipe that nobody reads any more must not keep the process alive.
process.stdin.destroy();
