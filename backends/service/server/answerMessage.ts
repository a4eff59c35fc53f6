import { SluiceError } from "../../../src/model/errors.ts";
import { decodeAppend } from "../protocol/appendCodec.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { decodeObject } from "../protocol/boundedJson.ts";
import { decodeFetch } from "../protocol/fetchCodec.ts";
import { messageTypes, sentAgain } from "../protocol/frame.ts";
import type { Message } from "../protocol/frameDecoder.ts";
import { decodeNumbers } from "../protocol/leaseCodec.ts";
import { decodeRead } from "../protocol/readCodec.ts";
import { acknowledge } from "./acknowledge.ts";
import { answerFetch } from "./answerFetch.ts";
import { answerRead } from "./answerRead.ts";
import type { Outcome } from "./answers.ts";
import { assertWhole, carryOut } from "./carryOut.ts";
import type { DirectoryEntry } from "./directory.ts";
import { consumerName, integer, wantedPartitions } from "./checkRequest.ts";
import type { Exchange } from "./exchange.ts";
import type { ServiceContext } from "./serviceContext.ts";
import { partitionOf, storeBatch } from "./storeBatch.ts";
import { transact } from "./transact.ts";

/**
 * Does what a message asks for, and answers it.
 *
 * @throws SluiceError `ERR_PROTOCOL` when it breaks the protocol; any other error is the answer.
 */
export function answerMessage(context: ServiceContext, exchange: Exchange, message: Message): void {
  const { type, stream, flags, body } = message;
  const isAgain = (flags & sentAgain) !== 0;
  switch (type) {
    case messageTypes.append:
      return append(context, exchange, stream, isAgain, body);
    case messageTypes.transact:
      return transact(context, exchange, stream, isAgain, body);
    case messageTypes.read:
      return read(exchange, stream, body);
    case messageTypes.acknowledge:
      return acknowledgeUnder(exchange, stream, body);
    case messageTypes.fetch:
      return fetch(context, exchange, stream, body);
    case messageTypes.request:
      return carryOut(context, exchange, stream, isAgain, decodeObject(body));
    case messageTypes.join:
      return join(context, exchange, stream, body);
    case messageTypes.release:
      return exchange.session.membership(stream)?.release(decodeNumbers(body, 1)[0]!);
    default:
      throw malformed(`a message of the unknown type ${type}`);
  }
}

function append(context: ServiceContext, exchange: Exchange, stream: number, isAgain: boolean, body: Uint8Array): void {
  const { handle, partition, batch } = decodeAppend(body);
  // Taken up before the topic is open: it may be sent again over another connection meanwhile.
  const store = (done: (outcome: Outcome) => void) => {
    const use = (entry: DirectoryEntry) => {
      const target = partitionOf(entry, partition);
      context.count(batch, body.length);
      storeBatch(target, batch, (outcome) => {
        // A backend that has failed may not be done with the data, and one that was given the body itself keeps it.
        if ("value" in outcome && batch.metadata.buffer !== body.buffer) context.memory.giveBack(body);
        done(outcome);
      });
    };
    exchange.useTopic(handle, ["publish"], use, (error) => done({ error }));
  };
  exchange.once(stream, isAgain, store);
}

function read(exchange: Exchange, stream: number, body: Uint8Array): void {
  const message = decodeRead(body);
  exchange.withTopic(message.handle, stream, ["subscribe"], (entry) =>
    answerRead(exchange, stream, partitionOf(entry, message.partition), message),
  );
}

function fetch(context: ServiceContext, exchange: Exchange, stream: number, body: Uint8Array): void {
  const { handle, partition, reads } = decodeFetch(body);
  exchange.withTopic(handle, stream, ["subscribe"], (entry) =>
    answerFetch(exchange, stream, partitionOf(entry, partition), reads, context.memory),
  );
}

function acknowledgeUnder(exchange: Exchange, stream: number, body: Uint8Array): void {
  const [lease, position] = decodeNumbers(body, 2) as [number, number];
  acknowledge(exchange, stream, exchange.session.lease(lease).lease, position);
}

/** A membership that is known already goes on: the client hears what it holds. */
function join(context: ServiceContext, exchange: Exchange, stream: number, body: Uint8Array): void {
  const fields = decodeObject(body);
  const { session } = exchange;
  const known = session.membership(stream);
  if (known !== undefined) return exchange.membershipChanged(stream, known);
  const consumer = consumerName(fields);
  if (session.memberships >= context.options.limits.streams) throw tooManyRequests();
  exchange.withTopic(integer(fields, "handle"), stream, ["subscribe"], (entry) => {
    assertWhole(context, entry);
    const partitions = wantedPartitions(fields, entry.topic.partitions.length);
    session.join(stream, entry, consumer, { partitions });
  });
}

export function tooManyRequests(): SluiceError {
  return new SluiceError("ERR_LIMIT", "The client has too many requests that are unanswered", {
    details: { limit: "streams" },
  });
}
