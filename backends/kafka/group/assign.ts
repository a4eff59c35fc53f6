/** A member of a group, as the leader sees it. */
export interface MemberClaim {
  readonly member: string;
  /** For each topic: the partitions that it will read, undefined for all; and those that it has not given back. */
  readonly topics: ReadonlyMap<
    string,
    { readonly wanted: readonly number[] | undefined; readonly owned: readonly number[] }
  >;
  /** The generation in which it got what it owns: where two claim a partition, the later one has it. */
  readonly generation: number;
}

/** What each member may read from now on, by topic. */
export type Assignments = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/**
 * Shares partitions among the members of a group. What a member owns stays with it unless the shares differ by more than one
 * partition. A partition that is to move is given to nobody at first: its owner finds it missing, drains it and gives it
 * back, which begins the next generation, and there it goes to the new owner.
 *
 * @param members - The members, in any order.
 * @param partitions - How many partitions each topic has.
 */
export function assign(members: readonly MemberClaim[], partitions: ReadonlyMap<string, number>): Assignments {
  const given = new Map(members.map(({ member }) => [member, new Map<string, number[]>()]));
  for (const topic of new Set(members.flatMap(({ topics }) => [...topics.keys()]))) {
    const sharing = members
      .filter(({ topics }) => topics.has(topic))
      .toSorted((a, b) => (a.member < b.member ? -1 : 1));
    for (const [member, share] of assignTopic(topic, sharing, partitions.get(topic) ?? 0))
      given.get(member)!.set(topic, share);
  }
  return given;
}

function assignTopic(topic: string, members: readonly MemberClaim[], count: number): ReadonlyMap<string, number[]> {
  const owners = ownersOf(topic, members, count);
  const targets = Array.from({ length: count }, (_, partition) => owners[partition]);
  const shares = new Map(members.map(({ member }) => [member, targets.filter((owner) => owner === member).length]));
  for (let partition = 0; partition < count; partition++) {
    if (targets[partition] === undefined) move(partition, poorest(topic, members, partition, shares));
  }
  for (let partition = 0; partition < count; partition++) {
    const owner = targets[partition];
    const poor = poorest(topic, members, partition, shares);
    if (owner !== undefined && poor !== undefined && shares.get(owner)! - shares.get(poor)! >= 2) move(partition, poor);
  }
  function move(partition: number, to: string | undefined): void {
    const from = targets[partition];
    if (from !== undefined) shares.set(from, shares.get(from)! - 1);
    if (to !== undefined) shares.set(to, shares.get(to)! + 1);
    targets[partition] = to;
  }
  return new Map(
    members.map(({ member }) => [
      member,
      targets.flatMap((target, partition) =>
        target === member && (owners[partition] === undefined || owners[partition] === member) ? [partition] : [],
      ),
    ]),
  );
}

function ownersOf(topic: string, members: readonly MemberClaim[], count: number): (string | undefined)[] {
  const owners: (string | undefined)[] = Array.from({ length: count });
  const since = new Map<number, number>();
  for (const { member, topics, generation } of members) {
    for (const partition of topics.get(topic)!.owned) {
      if (partition >= count || (since.get(partition) ?? -1) >= generation) continue;
      owners[partition] = member;
      since.set(partition, generation);
    }
  }
  return owners;
}

function poorest(
  topic: string,
  members: readonly MemberClaim[],
  partition: number,
  shares: ReadonlyMap<string, number>,
): string | undefined {
  let found: string | undefined;
  for (const { member, topics } of members) {
    const { wanted } = topics.get(topic)!;
    if (wanted !== undefined && !wanted.includes(partition)) continue;
    if (found === undefined || shares.get(member)! < shares.get(found)!) found = member;
  }
  return found;
}
