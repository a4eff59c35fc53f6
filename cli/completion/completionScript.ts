import type { Command, Option } from "commander";
import { dottedGroupsOf } from "../command.ts";

/** The shells that there is a script for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/** A command and the words that may follow it. */
interface Node {
  /** Its words, without the name of the program: `topic create`. */
  readonly path: string;
  /** The commands below it. */
  readonly commands: readonly Command[];
  /** Its options and those that every command takes. */
  readonly options: readonly Option[];
  /** The first words of its dotted options: `--validator.`. */
  readonly dotted: readonly string[];
  /** Whether its first argument is the name of a topic. */
  readonly takesTopic: boolean;
}

/**
 * A script that completes commands, options, choices and the names of topics.
 *
 * @param program - The whole command.
 * @param shell - For which shell.
 */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, "", [...program.options]);
  return { bash, zsh, fish }[shell](nodes);
}

function nodesOf(command: Command, path: string, globals: readonly Option[]): Node[] {
  const { commands } = command;
  const node: Node = {
    path,
    commands,
    options: path === "" ? globals : [...command.options, ...globals],
    dotted: Object.keys(dottedGroupsOf(command)).map((group) => `--${group}.`),
    takesTopic: /^topics?$/.test(command.registeredArguments[0]?.name() ?? ""),
  };
  const below = commands.flatMap((each) => nodesOf(each, `${path} ${each.name()}`.trim(), globals));
  return [node, ...below];
}

function wordsOf({ commands, options, dotted }: Node): string[] {
  return [...commands.map((each) => each.name()), ...options.map(({ long }) => long ?? ""), "--help", ...dotted];
}

/** The options of all commands whose values are a list of words. */
function choicesOf(nodes: readonly Node[]): Map<string, readonly string[]> {
  const choices = nodes
    .flatMap(({ options }) => options)
    .filter((option) => option.argChoices !== undefined)
    .map((option) => [option.long ?? "", option.argChoices ?? []] as const);
  return new Map(choices);
}

/** Asks the program itself, in the shell of the user: it knows the backend from the environment or a group file. */
const listTopics = `sluice topic list 2>/dev/null`;

function bash(nodes: readonly Node[]): string {
  const words = nodes.map((node) => `    "${node.path}") words="${wordsOf(node).join(" ")}" ;;`);
  const topics = nodes.filter(({ takesTopic }) => takesTopic).map(({ path }) => `"${path}"`);
  const choices = [...choicesOf(nodes)].map(([option, list]) => `    ${option}) words="${list.join(" ")}" ;;`);
  return `# Completes sluice in bash.
_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${nodes
        .slice(1)
        .map(({ path }) => `"${path}"`)
        .join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${words.join("\n")}
  esac
  case "$path" in
    ${topics.join("|")}) [[ $current != -* ]] && words="$words $(${listTopics})" ;;
  esac
  case "$previous" in
${choices.join("\n")}
    --*file|--*config|--data|--data-dir|--save-data) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *. ]] && compopt -o nospace
}
complete -o default -F _sluice sluice
`;
}

function zsh(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const commands = node.commands.map((each) => described(each.name(), each.description()));
    const options = node.options.map((option) => described(option.long ?? "", option.description));
    const dotted = node.dotted.map((word) => described(word, ""));
    const topics = node.takesTopic ? `\n      [[ $PREFIX != -* ]] && compadd -- \${(f)"$(${listTopics})"}` : "";
    return `    "${node.path}")
      words_=(${[...commands, ...options, ...dotted].map(quote).join(" ")})${topics} ;;`;
  });
  const choices = [...choicesOf(nodes)].map(
    ([option, list]) => `    ${option}) compadd -- ${list.join(" ")}; return ;;`,
  );
  return `#compdef sluice
# Completes sluice in zsh.
_sluice() {
  local path_="" word
  local -a words_
  case "\${words[CURRENT-1]}" in
${choices.join("\n")}
    --*file|--*config|--data|--data-dir|--save-data) _files; return ;;
  esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${path_:+$path_ }$word" in
      ${nodes
        .slice(1)
        .map(({ path }) => `"${path}"`)
        .join("|")}) path_="\${path_:+$path_ }$word" ;;
    esac
  done
  case "$path_" in
${cases.join("\n")}
  esac
  _describe -t words 'sluice' words_
  _files
}
if [ "$funcstack[1]" = "_sluice" ]; then _sluice "$@"; else compdef _sluice sluice; fi
`;
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const condition = `-n ${quote(`__sluice_at ${quoteInner(node.path)}`)}`;
    const commands = node.commands.map(
      (each) => `complete -c sluice ${condition} -f -a ${each.name()} -d ${quote(each.description())}`,
    );
    const options = node.options.map((option) => {
      const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
      const choices = option.argChoices === undefined ? "" : ` -f -a ${quote(option.argChoices.join(" "))}`;
      const value = option.required ? " -r" : "";
      return `complete -c sluice ${condition}${short} -l ${option.long?.slice(2)}${value}${choices} -d ${quote(option.description)}`;
    });
    const topics = node.takesTopic ? [`complete -c sluice ${condition} -f -a '(${listTopics})'`] : [];
    return [...commands, ...options, ...topics];
  });
  const paths = nodes.slice(1).map(({ path }) => quote(path));
  return `# Completes sluice in fish.
function __sluice_at
  set -l path ""
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim "$path $word")
    contains -- "$longer" ${paths.join(" ")}; and set path $longer
  end
  test "$path" = "$argv"
end
${lines.join("\n")}
`;
}

function described(word: string, description: string): string {
  return `${word}:${description}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function quoteInner(text: string): string {
  return `"${text}"`;
}
