import type { Attributes } from "@opentelemetry/api";
import { isSluiceError } from "../model/errors.ts";

/** What a program does with events, as the semantic conventions of OpenTelemetry for messaging call it. */
type Operation = "push" | "send" | "receive" | "process";

/** The type of each operation, of those that the conventions know. */
const types: Readonly<Record<Operation, string>> = {
  push: "send",
  send: "send",
  receive: "receive",
  process: "process",
};

/**
 * The attributes that every span and metric of an operation has.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @internal
 */
export function operationAttributes(name: Operation, topic: string): Attributes {
  return {
    "messaging.system": "sluice",
    "messaging.operation.name": name,
    "messaging.operation.type": types[name],
    "messaging.destination.name": topic,
  };
}

/** What kind of error it is, in few words: a code where there is one. @internal */
export function errorType(error: unknown): string {
  if (isSluiceError(error)) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}
