import { Argument, Command } from "commander";
import type { ActionHost } from "../command.ts";
import { withAction } from "../command.ts";
import { shells, type Shell } from "./completionScript.ts";

/** `sluice completion`: a script that completes commands and options in a shell. */
export function completionCommand(host: ActionHost): Command {
  const command = new Command("completion")
    .description("print a script that completes commands, options and topics in a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText(
      "after",
      `
Install it:
  bash  sluice completion bash > ~/.local/share/bash-completion/completions/sluice
  zsh   sluice completion zsh > "\${fpath[1]}/_sluice"
  fish  sluice completion fish > ~/.config/fish/completions/sluice.fish`,
    );
  return withAction(host, command, {
    action: async (invocation, _flags, shell) => {
      const { completionScript } = await import("./completionScript.ts");
      invocation.output.line(completionScript(rootOf(command), shell as Shell).trimEnd());
    },
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
