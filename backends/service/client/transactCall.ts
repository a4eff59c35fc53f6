import { Observable } from "rxjs";
import type { TransactionAppend } from "../../../src/model/backend.ts";
import type { Appended } from "../../../src/model/batch.ts";
import { checkTransaction } from "../../../src/model/checkTransaction.ts";
import { storedElsewhere } from "../../../src/model/group.ts";
import { malformed } from "../protocol/bodyReader.ts";
import { messageTypes } from "../protocol/frame.ts";
import { unreachable } from "../protocol/peer.ts";
import { decodeTransacted, encodeTransact } from "../protocol/transactCodec.ts";
import type { Attachable } from "./call.ts";
import { creditOf, tooLarge } from "./creditOf.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** Bytes of a transaction beside its batches, at the most. */
const headBytes = 100;

/**
 * Makes a transaction under a lease, once for each subscription. Unsubscribing does not take it back: nobody could say whether it
 * was made.
 *
 * A service that still has the session remembers the answer, so it is sent again when a connection is lost. One that has forgotten the
 * session has fenced the lease: what became of the transaction is told by the position of the next one.
 */
export function transactCall(
  client: ServiceClient,
  source: Attachable,
  lease: number,
  position: number,
  appends: readonly TransactionAppend[],
): Observable<readonly Appended[]> {
  return new Observable((subscriber) => {
    checkTransaction(appends);
    const targets = appends.map(({ topic }) => targetOf(client, source, topic));
    const credit = headBytes + appends.reduce((sum, { batch }) => sum + creditOf(batch), 0);
    if (credit > client.maxMessage) throw tooLarge(credit, client.maxMessage);
    const messages = appends.map(({ partition, batch }, i) => ({ handle: targets[i]!.handle, partition, batch }));
    client.start({
      type: messageTypes.transact,
      topic: source,
      others: targets,
      channel: `transact ${lease}`,
      credit,
      body: () => encodeTransact({ lease, position, appends: messages }),
      take: (type, body) => {
        if (type !== messageTypes.transacted) throw malformed("an answer of another kind");
        const appended = decodeTransacted(
          body,
          appends.map(({ batch }) => batch.count),
        );
        subscriber.next(appended);
        subscriber.complete();
        return true;
      },
      fail: (error) => subscriber.error(error),
      again: (isKnown) => {
        if (isKnown) return undefined;
        return unreachable(
          "The connection was lost in the middle of a transaction, and the service has forgotten the session: the position of the next lease tells whether it was committed",
        );
      },
    });
  });
}

function targetOf(client: ServiceClient, source: Attachable, topic: TransactionAppend["topic"]): Attachable {
  const target = client.find(topic);
  if (target === undefined) throw storedElsewhere(topic.name, source.name);
  return target;
}
