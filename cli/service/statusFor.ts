import type { ServiceStatus } from "./serviceStatus.ts";

/**
 * What a user may see of the state of a service: the topics that the user has any right to, and who produces and consumes them.
 *
 * @param status - All of it.
 * @param mayLookAt - Whether the user has a right to a topic.
 */
export function statusFor(status: ServiceStatus, mayLookAt: (topic: string) => boolean): ServiceStatus {
  const topics = status.topics.filter(({ topic }) => mayLookAt(topic));
  const sum = (count: (topic: (typeof topics)[number]) => number) =>
    topics.reduce((total, topic) => total + count(topic), 0);
  return {
    ...status,
    statistics: {
      connections: status.statistics.connections,
      batches: sum(({ batches }) => batches),
      events: sum(({ events }) => events),
      bytes: sum(({ bytes }) => bytes),
    },
    ranks: status.ranks.map(({ statistics: _ofAllTopics, ...use }) => use),
    rules: [], // They are made of names that the user may not know.
    topics,
    producers: status.producers.filter(({ topic }) => mayLookAt(topic)),
    consumers: status.consumers.filter(({ topic }) => mayLookAt(topic)),
  };
}
