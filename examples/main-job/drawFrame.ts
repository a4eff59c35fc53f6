import type { WriteStream } from "node:tty";
import { cut } from "./format.ts";
import { rectangle } from "./middleOfStrong.ts";
import type { Shot } from "./strongest.ts";

const between = "   ";

/** What there is of a terminal; a pipe has less. */
export type Screen = Pick<NodeJS.WriteStream, "write"> &
  Partial<Pick<WriteStream, "isTTY" | "columns" | "getColorDepth">>;

/** Draws the frames side by side, as many as the screen is wide, with their magnitude and place below. */
export function drawStrongest(shots: readonly Shot[], screen: Screen): string {
  const { width } = rectangle;
  const fitting = Math.max(1, Math.floor(((screen.columns ?? 80) + between.length) / (width + between.length)));
  const drawn = shots.slice(0, fitting);
  if (drawn.length === 0) return "";
  const pictures = drawn.map(({ pixels }) => drawFrame(pixels, hasGreys(screen)));
  const captions = drawn.map(({ quake }) =>
    [`M ${quake.magnitude.toFixed(1)}`, shortPlace(quake.place)].map((line) => cut(line, width).padEnd(width)),
  );
  const columns = pictures.map((picture, i) => [...picture, ...captions[i]!]);
  return `\n${columns[0]!
    .map((_, row) =>
      columns
        .map((column) => column[row])
        .join(between)
        .trimEnd(),
    )
    .join("\n")}\n`;
}

/** Two rows of pixels make one line of text, since a character is about twice as high as it is wide. */
function drawFrame(pixels: Uint8Array, inGreys: boolean): readonly string[] {
  const { width, height } = rectangle;
  const pair = inGreys ? greyPair : plainPair;
  return Array.from({ length: height / 2 }, (_, line) => {
    const upper = pixels.subarray(2 * line * width, (2 * line + 1) * width);
    const lower = pixels.subarray((2 * line + 1) * width, (2 * line + 2) * width);
    const text = Array.from(upper, (pixel, x) => pair(pixel, lower[x]!)).join("");
    return inGreys ? `${text}\x1b[0m` : text;
  });
}

/** The upper half of the character in one of 24 greys on a background of another. */
function greyPair(upper: number, lower: number): string {
  return `\x1b[38;5;${greyOf(upper)};48;5;${greyOf(lower)}m▀`;
}

function greyOf(pixel: number): number {
  return 232 + Math.round((pixel * 23) / 255);
}

/** Without colours: a half is there or not, and what is faint in both halves is a shade. */
function plainPair(upper: number, lower: number): string {
  const [up, low] = [upper > 127, lower > 127];
  if (up) return low ? "█" : "▀";
  if (low) return "▄";
  return upper + lower > 96 ? "░" : " ";
}

function hasGreys(screen: Screen): boolean {
  return screen.isTTY === true && (screen.getColorDepth?.() ?? 1) >= 8;
}

/** "22km NNE of Hualian, Taiwan" is too long for a caption; its end says most. */
function shortPlace(place: string): string {
  const [near, region] = place.split(", ");
  return region ?? near ?? "";
}
