import { defer, firstValueFrom, from, type Observable, type ObservableInput } from "rxjs";
import { memoryBackend, memoryCapabilities } from "../../../backends/memory/index.ts";
import {
  SluiceError,
  type Backend,
  type BackendPartition,
  type BackendTopic,
  type ErrorCode,
  type TopicConfig,
} from "../../../src/index.ts";

/** A call of one process, answered by another one. */
interface Call {
  readonly number: number;
  readonly name: "createTopic" | "openTopic" | "append" | "nextSequence";
  readonly argument: unknown;
}

interface Answer {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

/** What another process may do with a backend: a channel to it that ends with either of them. */
export interface Peer {
  on(event: "message", listener: (call: unknown) => void): unknown;
  send?(answer: unknown): unknown;
}

/** Answers another process from a backend in the memory of this one. */
export function answerFrom(peer: Peer, backend: Backend): void {
  const answerTo = async ({ name, argument }: Call): Promise<unknown> => {
    if (name === "createTopic") await firstValueFrom(from(backend.createTopic("t", argument as TopicConfig)));
    const topic = await firstValueFrom(from(backend.openTopic("t")));
    const partition = topic.partitions[0]!;
    if (name === "append") return firstValueFrom(from(partition.append(argument as never)));
    if (name === "nextSequence") return firstValueFrom(from(partition.nextSequence!(argument as string)));
    return topic.config;
  };
  peer.on("message", (message) => {
    const call = message as Call;
    answerTo(call).then(
      (value) => peer.send?.({ number: call.number, value }),
      ({ code, message: text, details }: SluiceError) =>
        peer.send?.({ number: call.number, error: { code, message: text, details } }),
    );
  });
}

/** The backend of the process that has started this one, as far as a producer needs it. */
export function linkedBackend(): Backend {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let calls = 0;
  process.on("message", (message) => {
    const { number, value, error } = message as Answer;
    const { resolve, reject } = waiting.get(number)!;
    waiting.delete(number);
    if (error === undefined) resolve(value);
    else reject(new SluiceError(error.code, error.message, { details: error.details }));
  });
  const call = (name: Call["name"], argument?: unknown): Observable<unknown> =>
    defer(
      () =>
        new Promise((resolve, reject) => {
          waiting.set(calls, { resolve, reject });
          process.send!({ number: calls++, name, argument });
        }),
    );
  const partition = {
    index: 0,
    append: (batch) => call("append", batch),
    nextSequence: (producer) => call("nextSequence", producer),
  } as BackendPartition;
  const topic = async (config: ObservableInput<unknown>): Promise<BackendTopic> =>
    ({ name: "t", config: await firstValueFrom(from(config)), partitions: [partition] }) as unknown as BackendTopic;
  return {
    ...memoryBackend(),
    capabilities: memoryCapabilities,
    createTopic: (_, config) => topic(call("createTopic", config)),
    openTopic: () => topic(call("openTopic")),
  };
}
