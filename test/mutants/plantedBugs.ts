import { ofOperators, ofRobustPublication, ofTopics } from "./bugsAboveTheLog.ts";
import { ofMovedData } from "./bugsOfMovedData.ts";
import { ofReading, ofRecovery, ofWriting } from "./bugsOfTheLog.ts";
import type { PlantedBug } from "./plantedBug.ts";

/** Every planted bug. */
export const plantedBugs: readonly PlantedBug[] = [
  ...ofWriting,
  ...ofReading,
  ...ofRecovery,
  ...ofTopics,
  ...ofOperators,
  ...ofRobustPublication,
  ...ofMovedData,
];
