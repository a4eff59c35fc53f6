/** Something that happened while brokers, connections and members failed, in the order in which it was seen. */
export type Happening =
  | { readonly kind: "stored"; readonly partition: number; readonly id: number; readonly value: number }
  | { readonly kind: "unknown"; readonly value: number }
  | { readonly kind: "aborted"; readonly value: number }
  | {
      readonly kind: "polled";
      /** One session of a reader: from where it began to read a partition to where it lost it. */
      readonly session: string;
      readonly partition: number;
      readonly id: number;
      readonly value: number;
    }
  /** The acknowledgement of an event was answered. */
  | { readonly kind: "acknowledged"; readonly session: string; readonly partition: number; readonly id: number };

/** What must not be in a history. */
export type Anomaly =
  | "lost write"
  | "divergent offset"
  | "non-monotonic poll"
  | "skipped event"
  | "duplicate"
  | "aborted read"
  | "delivered again"
  | "missed event";

/** One thing that is wrong with a history. */
export interface Finding {
  readonly anomaly: Anomaly;
  readonly about: string;
}

/**
 * Looks for what a log that keeps its promises never shows. The kinds of anomaly are those that Jepsen's tests of queues and
 * logs look for.
 *
 * @param history - What happened.
 * @param final - The session that read everything when the faults were over.
 */
export function checkHistory(history: readonly Happening[], final: string): Finding[] {
  const findings: Finding[] = [];
  const at = new Map<string, number>();
  const idsOf = new Map<number, Set<string>>();
  const last = new Map<string, number>();
  const unwanted = new Set(history.flatMap((each) => (each.kind === "aborted" ? [each.value] : [])));
  const read = new Map<number, number[]>();
  for (const each of history) {
    if (each.kind !== "stored" && each.kind !== "polled") continue;
    const { partition, id, value } = each;
    const place = `${partition}/${id}`;
    const known = at.get(place);
    if (known !== undefined && known !== value)
      findings.push({ anomaly: "divergent offset", about: `${place}: ${known} and ${value}` });
    at.set(place, value);
    idsOf.set(value, (idsOf.get(value) ?? new Set()).add(place));
    if (each.kind !== "polled") continue;
    const session = `${each.session} of ${partition}`;
    if (id <= (last.get(session) ?? -1))
      findings.push({ anomaly: "non-monotonic poll", about: `${session}: ${id} after ${last.get(session)}` });
    last.set(session, id);
    if (unwanted.has(value)) findings.push({ anomaly: "aborted read", about: `${place}: ${value}` });
    if (each.session === final) append(read, partition, id);
  }
  for (const [value, places] of idsOf) {
    if (places.size > 1) findings.push({ anomaly: "duplicate", about: `${value} at ${[...places].join(", ")}` });
  }
  return [
    ...findings,
    ...lostWrites(history, read),
    ...skippedEvents(history, read),
    ...deliveredAgain(history, final),
    ...missedEvents(history, read, final),
  ];
}

function lostWrites(history: readonly Happening[], read: ReadonlyMap<number, readonly number[]>): Finding[] {
  const seen = new Set([...read].flatMap(([partition, ids]) => ids.map((id) => `${partition}/${id}`)));
  return history.flatMap((each) =>
    each.kind === "stored" && !seen.has(`${each.partition}/${each.id}`)
      ? [{ anomaly: "lost write", about: `${each.value} at ${each.partition}/${each.id}` } as const]
      : [],
  );
}

/** What a session passed over although it is there. */
function skippedEvents(history: readonly Happening[], read: ReadonlyMap<number, readonly number[]>): Finding[] {
  const findings: Finding[] = [];
  const order = new Map([...read].map(([partition, ids]) => [partition, new Map(ids.map((id, i) => [id, i]))]));
  const last = new Map<string, number>();
  for (const each of history) {
    if (each.kind !== "polled") continue;
    const session = `${each.session} of ${each.partition}`;
    const index = order.get(each.partition)?.get(each.id);
    const before = last.get(session);
    if (index !== undefined && before !== undefined && index > before + 1) {
      findings.push({ anomaly: "skipped event", about: `${session}: ${index - before - 1} in front of ${each.id}` });
    }
    if (index !== undefined) last.set(session, index);
  }
  return findings;
}

/** What a session was given although it had been acknowledged before the session began. */
function deliveredAgain(history: readonly Happening[], final: string): Finding[] {
  const acknowledged = new Map<number, number>();
  const begun = new Map<string, number>();
  const findings: Finding[] = [];
  for (const each of history) {
    if (each.kind === "acknowledged") {
      acknowledged.set(each.partition, Math.max(acknowledged.get(each.partition) ?? -1, each.id));
    }
    if (each.kind !== "polled" || each.session === final) continue;
    const session = `${each.session} of ${each.partition}`;
    const before = begun.get(session) ?? acknowledged.get(each.partition) ?? -1;
    begun.set(session, before);
    if (each.id <= before) {
      findings.push({ anomaly: "delivered again", about: `${session}: ${each.id}, and ${before} was acknowledged` });
    }
  }
  return findings;
}

/** What was acknowledged, and nobody has been given it. */
function missedEvents(
  history: readonly Happening[],
  read: ReadonlyMap<number, readonly number[]>,
  final: string,
): Finding[] {
  const acknowledged = new Map<number, number>();
  const given = new Set<string>();
  for (const each of history) {
    if (each.kind === "polled" && each.session !== final) given.add(`${each.partition}/${each.id}`);
    if (each.kind !== "acknowledged") continue;
    acknowledged.set(each.partition, Math.max(acknowledged.get(each.partition) ?? -1, each.id));
  }
  return [...read].flatMap(([partition, ids]) =>
    ids
      .filter((id) => id <= (acknowledged.get(partition) ?? -1) && !given.has(`${partition}/${id}`))
      .map((id) => ({ anomaly: "missed event", about: `${partition}/${id}` }) as const),
  );
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
