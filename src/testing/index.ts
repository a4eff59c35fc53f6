export { acknowledged } from "./acknowledged.ts";
export type {
  AcknowledgeCall,
  AddPartitionsCall,
  AppendCall,
  ConsumerCall,
  CreateTopicCall,
  FetchCall,
  FindCall,
  JoinCall,
  NextSequenceCall,
  PartitionCall,
  ReadCall,
  TopicCall,
  TransactCall,
} from "./calls.ts";
export { CallFaults } from "./callFaults.ts";
export { EventLog, type EventLogOptions, type TestTransaction } from "./eventLog.ts";
export type { EventPosition } from "./eventPosition.ts";
export { FaultPlan, type LeaseScope, type RevokeScope } from "./faultPlan.ts";
export type { Fault, FaultScope } from "./faults/fault.ts";
export { makeEvent, TestEvent, type TestEventOptions } from "./makeEvent.ts";
export { plainEvent, type PlainEvent } from "./plainEvent.ts";
export { runMarbles, type ExpectAcknowledged, type Expectation, type MarbleHelpers } from "./runMarbles.ts";
export { stored } from "./stored.ts";
export { storedBatches } from "./storedBatches.ts";
export { TestEvents, type EventsByLetter, type SubscriptionLogs } from "./testEvents.ts";
export { testTopic, type TestTopicOptions } from "./testTopic.ts";
export { withFaults } from "./withFaults.ts";
