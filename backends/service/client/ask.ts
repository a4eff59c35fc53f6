import { Observable } from "rxjs";
import { malformed } from "../protocol/bodyReader.ts";
import { decodeJson, encodeJson } from "../protocol/boundedJson.ts";
import { messageTypes } from "../protocol/frame.ts";
import type { Attachable } from "./call.ts";
import type { ServiceClient } from "./serviceClient.ts";

/** A request about topics. */
export interface Question {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** Asks a service something, once for each subscription, and emits its answer. */
export function ask(client: ServiceClient, question: Question, topic?: Attachable): Observable<unknown> {
  return new Observable((subscriber) => {
    const fields = topic === undefined ? question : { ...question, handle: topic.handle };
    client.start({
      type: messageTypes.request,
      topic,
      body: () => [encodeJson(fields)],
      take: (type, body) => {
        if (type !== messageTypes.answer) throw malformed("an answer of another kind");
        subscriber.next(decodeJson(body));
        subscriber.complete();
        return true;
      },
      fail: (error) => subscriber.error(error),
    });
  });
}
