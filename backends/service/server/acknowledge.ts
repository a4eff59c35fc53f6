import { from } from "rxjs";
import type { Lease } from "../../../src/model/backend.ts";
import { messageTypes } from "../protocol/frame.ts";
import type { Exchange } from "./exchange.ts";

/** Stores an acknowledgement under a lease and answers once it is stored. A client that goes away does not stop it. */
export function acknowledge(exchange: Exchange, stream: number, lease: Lease, position: number): void {
  exchange.begin(stream, () => {});
  from(lease.acknowledge(position)).subscribe({
    error: (error: unknown) => exchange.fail(stream, error),
    complete: () => exchange.answer(stream, messageTypes.end, []),
  });
}
