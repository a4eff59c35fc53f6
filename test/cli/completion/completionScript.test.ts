import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { exitCodes } from "../../../cli/exitCodes.ts";
import { runCommand } from "../runCommand.ts";

const run = promisify(execFile);

/** What bash offers behind some words. `sluice` itself stands for a program that knows two topics. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runCommand(["completion", "bash"]);
  const program = `${script}
    sluice() { [ "$*" = "topic list" ] && echo "alpha beta"; }
    compopt() { :; }
    COMP_WORDS=(sluice "$@"); COMP_CWORD=$#; _sluice; echo "\${COMPREPLY[*]}"`;
  const { stdout } = await run("bash", ["-c", program, "bash", ...words]);
  return stdout.trim().split(" ");
}

test("bash completes commands, options, choices, dotted options and topics", async (t) => {
  t.deepEqual(await offered("prod"), ["produce"]);
  t.deepEqual(await offered("topic", "se"), ["seal"]);
  t.deepEqual(await offered("topic", "create", "x", "--parti"), [
    "--partitions",
    "--partition-selector",
    "--partition-selector-config",
    "--partition-selector.",
  ]);
  t.deepEqual(await offered("produce", "--format", ""), ["json", "raw", "event"]);
  t.deepEqual(await offered("consume", "al"), ["alpha"]);
  t.deepEqual(await offered("topic", "create", "al"), [""], "a new topic has a new name");
});

test("there are scripts for zsh and fish, and for no other shell", async (t) => {
  t.regex((await runCommand(["completion", "zsh"])).stdout, /^#compdef sluice\n/);
  t.regex((await runCommand(["completion", "fish"])).stdout, /complete -c sluice .* -l partitions/);
  t.is((await runCommand(["completion", "tcsh"])).code, exitCodes.usage);
});
