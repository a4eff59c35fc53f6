import { from, take } from "rxjs";
import type { Lease, TransactionAppend } from "../../../src/model/backend.ts";
import { dataSizeOf, type Appended } from "../../../src/model/batch.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { messageTypes } from "../protocol/frame.ts";
import { decodeTransact, encodeTransacted, type TransactMessage } from "../protocol/transactCodec.ts";
import type { Outcome } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import type { ServiceContext } from "./serviceContext.ts";
import { partitionOf } from "./storeBatch.ts";

/** Commits a transaction of a client, and answers it. One that is sent again is committed once. */
export function transact(
  context: ServiceContext,
  exchange: Exchange,
  stream: number,
  isAgain: boolean,
  body: Uint8Array,
): void {
  const message = decodeTransact(body);
  const commit = (done: (outcome: Outcome) => void) =>
    targetsOf(exchange, message, (result) => {
      if ("error" in result) return done(result);
      for (const { batch } of result.targets) context.count(batch, batch.metadata.length + dataSizeOf(batch));
      commitUnder(exchange, message, result.targets, done);
    });
  exchange.once(stream, isAgain, commit);
}

type Targets = { readonly targets: readonly TransactionAppend[] } | { readonly error: unknown };

/** Calls back with what is to be stored where, once all of the topics are open. */
function targetsOf(exchange: Exchange, { appends }: TransactMessage, done: (result: Targets) => void): void {
  const targets: TransactionAppend[] = [];
  const next = () => {
    if (targets.length === appends.length) return done({ targets });
    const { handle, partition, batch } = appends[targets.length]!;
    exchange.useTopic(
      handle,
      ["publish"],
      (entry) => {
        partitionOf(entry, partition); // Asserts that it is there.
        targets.push({ topic: entry.topic, partition, batch });
        next();
      },
      (error) => done({ error }),
    );
  };
  next();
}

/** A client that goes away does not stop it. The epoch of the lease fences one that comes too late. */
function commitUnder(
  exchange: Exchange,
  { lease: number, position }: TransactMessage,
  targets: readonly TransactionAppend[],
  done: (outcome: Outcome) => void,
): void {
  let appended: readonly Appended[] = [];
  try {
    from(committerOf(exchange.session.lease(number).lease)(position, targets))
      .pipe(take(1))
      .subscribe({
        next: (answer) => (appended = answer),
        error: (error: unknown) => done({ error }),
        complete: () => done({ type: messageTypes.transacted, value: encodeTransacted(appended) }),
      });
  } catch (error) {
    done({ error });
  }
}

/** @throws SluiceError `ERR_UNSUPPORTED` where the backend has no transactions. */
function committerOf(lease: Lease): NonNullable<Lease["transact"]> {
  if (lease.transact !== undefined) return (position, appends) => lease.transact!(position, appends);
  throw new SluiceError(
    "ERR_UNSUPPORTED",
    "The backend that is served cannot store events and acknowledge others in one step",
  );
}
