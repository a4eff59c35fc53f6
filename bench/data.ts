import { fork } from "node:child_process";
import { compare, type Figure } from "./harness.ts";

/**
 * Events with 1 MiB of data, stored and read back whole. The memory backend has to copy the bytes twice: once when it
 * stores them, since they are the caller's again afterwards, and once when it hands them out, since what is stored must
 * not change under its readers. Those two copies alone are the limit.
 *
 * Each side has a process of its own each time, of the same program: V8 looks through its heap for every few dozen megabytes of data,
 * and in one process it would do so now at the cost of one side and now of the other.
 */
export function benchData(): Promise<Figure[]> {
  return compare(
    "Events with 1 MiB of data, stored and read back, memory backend",
    [
      { name: "the two copies alone", run: () => inProcess("copies") },
      { name: "the two copies alone, by slice", run: () => inProcess("slices") },
      { name: "Sluice, push, consume, acknowledge", run: () => inProcess("topic"), aim: "0.9" },
    ],
    { unit: "MB/s", baseline: "the two copies alone", warmUps: 1, runs: 9 },
  );
}

/** The megabytes a second of one side, in a process of its own. */
function inProcess(side: "copies" | "slices" | "topic"): Promise<number> {
  const child = fork(new URL("./dataProcess.ts", import.meta.url), [side]);
  return new Promise((resolve, reject) => {
    child.once("message", (figure) => resolve(figure as number));
    child.once("exit", (code) => reject(new Error(`The process of "${side}" has ended with ${code}`)));
  });
}
