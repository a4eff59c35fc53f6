import type { DataDescriptor } from "sluice";
import type { Quake } from "./quake.ts";
import { frameWidth } from "./readFrames.ts";

/** From this magnitude on an earthquake is worth a look. */
export const strongMagnitude = 4.5;

/** The rectangle of a frame that is worth a look: its middle, where the ink is. */
export const rectangle = { x: 6, y: 4, width: 16, height: 20 };

/**
 * The data selector of the job. It runs before any data is moved: for a strong earthquake it asks for the rectangle, row by
 * row, for any other it asks for nothing.
 */
export function middleOfStrong({ magnitude }: Quake, frame: DataDescriptor): DataDescriptor | null {
  if (magnitude < strongMagnitude) return null;
  const { x, y, width, height } = rectangle;
  const rows = frame.makeSubView(y * frameWidth + x, height * frameWidth);
  return rows.makeStridedView(0, height, width, frameWidth - width);
}
