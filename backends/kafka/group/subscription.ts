// What members of a group tell each other, in the form that Kafka's own consumers use, so that its tools can show it:
//
//   subscription  i16 version 0 | i32 topics | (i16 length | name)* | i32 length | user data
//   assignment    i16 version 0 | i32 topics | (i16 length | name | i32 count | i32 partition *)* | i32 length | user data
//
// The user data of a subscription is JSON: {"wanted": [0, 2] | null, "owned": [0], "generation": 7, "partitions": 4}.

import { isRecord, jsonOf, textOf, utf8 } from "../layouts/layout.ts";
import type { MemberClaim } from "./assign.ts";

/** What a member says of itself when it joins. */
export interface Subscription {
  readonly topic: string;
  readonly wanted: readonly number[] | undefined;
  readonly owned: readonly number[];
  readonly generation: number;
  /** How many partitions the member knows of: a change of it makes the group share anew. */
  readonly partitions: number;
}

export function encodeSubscription({ topic, wanted, ...rest }: Subscription): Uint8Array {
  const name = utf8(topic);
  const data = utf8(JSON.stringify({ wanted: wanted ?? null, ...rest }));
  const bytes = new Uint8Array(2 + 4 + 2 + name.length + 4 + data.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(2, 1);
  view.setInt16(6, name.length);
  bytes.set(name, 8);
  view.setInt32(8 + name.length, data.length);
  bytes.set(data, 12 + name.length);
  return bytes;
}

/** Reads what a member said. One that is not understood wants nothing. */
export function decodeSubscription(member: string, bytes: Uint8Array): MemberClaim {
  const nothing = { member, topics: new Map<string, never>(), generation: -1 };
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const names: string[] = [];
    let at = 6;
    for (let i = view.getInt32(2); i > 0; i--) {
      const length = view.getInt16(at);
      names.push(textOf(bytes.subarray(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    const said = jsonOf(bytes.subarray(at + 4, at + 4 + Math.max(0, view.getInt32(at))));
    const about = isRecord(said) ? said : {};
    const claim = { wanted: numbersOf(about["wanted"]), owned: numbersOf(about["owned"]) ?? [] };
    const generation = typeof about["generation"] === "number" ? about["generation"] : -1;
    return { member, topics: new Map(names.map((name) => [name, claim])), generation };
  } catch {
    return nothing;
  }
}

export function encodeAssignment(assignment: ReadonlyMap<string, readonly number[]>): Uint8Array {
  const topics = [...assignment].map(([name, partitions]) => [utf8(name), partitions] as const);
  const size = topics.reduce((sum, [name, partitions]) => sum + 6 + name.length + 4 * partitions.length, 10);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setInt32(2, topics.length);
  let at = 6;
  for (const [name, partitions] of topics) {
    view.setInt16(at, name.length);
    bytes.set(name, at + 2);
    at += 2 + name.length;
    view.setInt32(at, partitions.length);
    for (const partition of partitions) view.setInt32((at += 4), partition);
    at += 4;
  }
  view.setInt32(at, -1);
  return bytes;
}

/** The partitions of one topic in an assignment. */
export function decodeAssignment(bytes: Uint8Array, topic: string): readonly number[] {
  if (bytes.length < 6) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 6;
  for (let i = view.getInt32(2); i > 0; i--) {
    const length = view.getInt16(at);
    const name = textOf(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
    const count = view.getInt32(at);
    const partitions = Array.from({ length: count }, (_, k) => view.getInt32(at + 4 + 4 * k));
    at += 4 + 4 * count;
    if (name === topic) return partitions;
  }
  return [];
}

function numbersOf(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) ? value.filter((each) => Number.isSafeInteger(each) && each >= 0) : undefined;
}
