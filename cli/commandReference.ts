import type { Command, Option } from "commander";
import { dottedGroupsOf } from "./command.ts";
import { exitCodeMeanings } from "./exitCodeHelp.ts";
import { exitCodes, type ExitCodeName } from "./exitCodes.ts";

/**
 * The reference of the command line as a page of documentation.
 *
 * @param program - The whole command.
 */
export function commandReference(program: Command): string {
  const leaves = leavesOf(program, "sluice");
  return [
    "## Commands",
    table(
      ["command", "what it does"],
      leaves.map(({ path, command }) => [`[\`${path}\`](#${path.replaceAll(" ", "-")})`, command.description()]),
    ),
    "### Options of every command",
    optionTable(program.options),
    ...leaves.map(sectionOf),
    "## Exit codes",
    table(
      ["code", "meaning"],
      Object.entries(exitCodes).map(([name, code]) => [String(code), exitCodeMeanings[name as ExitCodeName]]),
    ),
  ].join("\n\n");
}

/** A command that does something, with all of its words. */
interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leavesOf(command: Command, path: string): Leaf[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((each) => leavesOf(each, `${path} ${each.name()}`));
}

function sectionOf({ path, command }: Leaf): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const groups = Object.entries(dottedGroupsOf(command)).filter(([name]) => name !== "driver");
  const rows = [
    ...command.registeredArguments.map((argument, i) => [`\`${args[i]}\``, escape(argument.description), ""]),
    ...command.options.map(optionRow),
    ...groups.map(([name, description]) => [`\`--${name}.<option> <value>\``, escape(description), ""]),
  ];
  return [
    `### ${path}`,
    `${sentence(command.description())}`,
    `\`\`\`sh\n${[path, ...args].join(" ")}\n\`\`\``,
    rows.length === 0 ? "" : table(["argument or option", "what it is", "default"], rows),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function optionTable(options: readonly Option[]): string {
  return table(["option", "what it is", "default"], options.map(optionRow));
}

function optionRow(option: Option): string[] {
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
  const byDefault = option.defaultValue === undefined ? "" : `\`${String(option.defaultValue)}\``;
  return [
    `\`${option.flags}\``,
    escape(option.description + (option.description.includes(":") ? "" : choices)),
    byDefault,
  ];
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return lines.map((line) => line.replaceAll("|  |", "| |")).join("\n");
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
