/** The errors of the protocol that this backend tells apart, by their numbers. */
export const protocolError = {
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  topicExists: 36,
  notController: 41,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidProducerIdMapping: 49,
  concurrentTransactions: 51,
  storageError: 56,
  authenticationFailed: 58,
  unknownProducer: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  memberIdRequired: 79,
  fencedInstance: 82,
  unstableOffsets: 88,
  producerFenced: 90,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
  fencedMemberEpoch: 110,
  unreleasedInstance: 111,
  staleMemberEpoch: 113,
} as const;

const transient: ReadonlySet<number> = new Set([
  protocolError.leaderNotAvailable,
  protocolError.notLeader,
  protocolError.requestTimedOut,
  protocolError.coordinatorLoading,
  protocolError.coordinatorNotAvailable,
  protocolError.notCoordinator,
  protocolError.notEnoughReplicas,
  protocolError.notEnoughReplicasAfterAppend,
  protocolError.notController,
  protocolError.concurrentTransactions,
  protocolError.storageError,
  protocolError.fencedLeaderEpoch,
  protocolError.unknownLeaderEpoch,
  protocolError.unstableOffsets,
  protocolError.inconsistentTopicId,
]);

/** What kept a request from succeeding: the broker's refusal by its number, or the network. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  /** The protocol's number; undefined when the request or its answer was lost on the way. */
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return this.code === undefined || transient.has(this.code);
  }
}

/** Whether an error is a {@link KafkaError} with one of these numbers. */
export function isKafkaError(error: unknown, ...codes: number[]): error is KafkaError {
  return error instanceof KafkaError && (codes.length === 0 || codes.includes(error.code ?? -1));
}
