import type { Capabilities } from "../../../src/model/backend.ts";
import { malformed } from "./bodyReader.ts";
import { decodeObject, encodeJson } from "./boundedJson.ts";
import { protocolVersion } from "./frame.ts";

/** What a client says first. */
export interface Hello {
  /** The versions of the protocol that it speaks. */
  readonly versions: readonly number[];
  /** Names its session: what it holds outlives the connection. 32 hexadecimal digits that nobody can guess. */
  readonly session: string;
  /** Whether it has had a connection with this session before. */
  readonly again: boolean;
  /** The streams of its memberships that are still wanted. */
  readonly joins: readonly number[];
  /** Who it is. */
  readonly token?: string | undefined;
}

/** What a service answers. */
export interface Welcome {
  readonly version: number;
  /** Names this run of the service. */
  readonly service: string;
  /** Whether the session was still there. */
  readonly resumed: boolean;
  readonly user: string;
  readonly capabilities: Capabilities;
  readonly limits: ConnectionLimits;
  /** Milliseconds of silence after which a side asks whether the other is there. */
  readonly heartbeat: number;
  /** Milliseconds for which what a client holds outlives its connection. */
  readonly leaseTime: number;
}

/** What a client has to keep to. */
export interface ConnectionLimits {
  /** Bytes of batches of one topic that may be unanswered when another is begun. */
  readonly topicWindow: number;
  /** Bytes of batches of all topics that may be unanswered when another is begun. */
  readonly window: number;
  /** Bytes of the largest message. */
  readonly message: number;
  /** Requests that may be unanswered. */
  readonly streams: number;
}

/** Writes `hello`: JSON. */
export function encodeHello(hello: Omit<Hello, "versions">): readonly Uint8Array[] {
  return [encodeJson({ sluice: "hello", versions: [protocolVersion], ...hello })];
}

/** Reads `hello`. @throws SluiceError `ERR_PROTOCOL` when it is not one. */
export function decodeHello(body: Uint8Array): Hello {
  const { sluice, versions, session, again = false, joins = [], token } = decodeObject(body);
  if (sluice !== "hello" || !isList(versions) || !isList(joins)) throw malformed("a greeting that is none");
  if (typeof session !== "string" || !/^[0-9a-f]{32}$/.test(session)) throw malformed("a session that is none");
  if (token !== undefined && typeof token !== "string") throw malformed("a token that is none");
  return { versions, session, again: again === true, joins, token };
}

/** Writes `welcome`: JSON. */
export function encodeWelcome(welcome: Welcome): readonly Uint8Array[] {
  return [encodeJson(welcome)];
}

/** Reads `welcome`. @throws SluiceError `ERR_PROTOCOL` when it is not one. */
export function decodeWelcome(body: Uint8Array): Welcome {
  const welcome = decodeObject(body) as Partial<Welcome>;
  const { version, service, limits, capabilities, heartbeat } = welcome;
  if (version !== protocolVersion || typeof service !== "string" || typeof capabilities !== "object") {
    throw malformed("a welcome that is none");
  }
  const numbers = [limits?.topicWindow, limits?.window, limits?.message, limits?.streams, heartbeat];
  if (!numbers.every((each) => typeof each === "number" && each > 0)) throw malformed("limits that are none");
  return welcome as Welcome;
}

function isList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each));
}
