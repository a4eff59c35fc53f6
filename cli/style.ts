import type { Screen } from "./terminal.ts";

/** What text can look like, by the codes of ECMA-48 that begin and end it. */
const formats = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22],
} as const;

/** Colours a piece of text, or leaves it as it is. */
export type Style = (format: keyof typeof formats, text: string) => string;

/**
 * The style for a stream: colours on a terminal only, and none where `NO_COLOR` is set (https://no-color.org).
 *
 * @param screen - The stream.
 * @param env - The environment; `FORCE_COLOR` colours elsewhere too.
 */
export function styleFor(screen: Screen, env: Readonly<Record<string, string | undefined>>): Style {
  const isForced = !["", "0", "false"].includes(env["FORCE_COLOR"] ?? "");
  const isOff = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  if (isOff || !(isForced || screen.isTTY === true)) return (_format, text) => text;
  return (format, text) => {
    const [begin, end] = formats[format];
    return `\u001b[${begin}m${text}\u001b[${end}m`;
  };
}
