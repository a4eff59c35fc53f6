import { acceptAll, json, roundRobin, type Driver, type Topic } from "sluice";

/**
 * Opens a topic for commands that touch no event: nothing of what the topic names as its components is loaded, so that no
 * module of somebody else's runs, and none has to be there.
 */
export function openBare(driver: Driver, name: string): Promise<Topic> {
  return driver.openTopic(name, { validator: acceptAll(), partitionSelector: roundRobin(), serializer: json() });
}
