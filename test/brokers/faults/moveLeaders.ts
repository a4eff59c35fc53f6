import { alterPartitionReassignmentsV0, Base } from "@platformatic/kafka";
import { pause } from "./workload.ts";

/**
 * Moves every partition of a topic that has two copies in a cluster of three nodes: the node that leads it loses its copy, and the node
 * that had none gets one. Nothing else happens to the nodes. Answers when the leaders are others.
 */
export async function moveLeaders(brokers: readonly string[], topic: string): Promise<void> {
  const client = new Base({ clientId: "mover", bootstrapBrokers: [...brokers], retries: 5 });
  try {
    const look = async () => {
      const { topics, brokers: nodes, controllerId } = await client.metadata({ topics: [topic], forceUpdate: true });
      return { partitions: topics.get(topic)!.partitions, nodes: [...nodes.keys()], controllerId };
    };
    const { partitions, nodes, controllerId } = await look();
    const moved = partitions.map(({ leader, replicas }, partitionIndex) => ({
      partitionIndex,
      replicas: [...replicas.filter((node) => node !== leader), ...nodes.filter((node) => !replicas.includes(node))],
    }));
    const connection = (await client.connectToBrokers([controllerId])).values().next().value!;
    await alterPartitionReassignmentsV0.api.async(connection, 10_000, false, [{ name: topic, partitions: moved }]);
    const hasMoved = async () =>
      (await look()).partitions.every(({ leader }, i) => leader >= 0 && leader !== partitions[i]!.leader);
    while (!(await hasMoved())) await pause(50);
  } finally {
    await client.close();
  }
}
