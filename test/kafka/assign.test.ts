import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { assign, type MemberClaim } from "../../backends/kafka/group/assign.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../backends/kafka/group/subscription.ts";

const topic = "t";

function claim(member: string, owned: readonly number[], wanted?: readonly number[], generation = 1): MemberClaim {
  return { member, topics: new Map([[topic, { wanted, owned }]]), generation };
}

function shared(members: readonly MemberClaim[], count: number): Record<string, readonly number[]> {
  const given = assign(members, new Map([[topic, count]]));
  return Object.fromEntries([...given].map(([member, topics]) => [member, topics.get(topic) ?? []]));
}

test("assign() gives everything to a single member", (t) => {
  t.deepEqual(shared([claim("a", [])], 3), { a: [0, 1, 2] });
});

test("assign() asks back what is to move, and gives it to nobody before it was given back", (t) => {
  t.deepEqual(shared([claim("a", [0, 1, 2, 3]), claim("b", [])], 4), { a: [2, 3], b: [] });
  t.deepEqual(shared([claim("a", [2, 3]), claim("b", [])], 4), { a: [2, 3], b: [0, 1] });
});

test("assign() takes nothing away where shares differ by one", (t) => {
  t.deepEqual(shared([claim("a", [0, 1]), claim("b", [2])], 3), { a: [0, 1], b: [2] });
});

test("assign() gives members only what they want", (t) => {
  t.deepEqual(shared([claim("a", [], [1]), claim("b", [])], 3), { a: [1], b: [0, 2] });
  t.deepEqual(shared([claim("a", [], [1])], 3), { a: [1] });
});

test("assign() believes the later generation where two claim a partition", (t) => {
  t.deepEqual(shared([claim("a", [0], undefined, 4), claim("b", [0], undefined, 5)], 1), { a: [], b: [0] });
});

const groups = fc.record({
  count: fc.integer({ min: 0, max: 12 }),
  members: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
  owners: fc.array(fc.nat(9), { maxLength: 12 }),
});

testProp(
  "assign() never gives a partition to two, and settles at even shares",
  [groups],
  (t, { count, members, owners }) => {
    let owned = new Map(members.map((member) => [member, [] as readonly number[]]));
    for (const [partition, owner] of owners.slice(0, count).entries()) {
      const member = members[owner];
      if (member !== undefined) owned.set(member, [...owned.get(member)!, partition]);
    }
    for (let round = 0; round < 3; round++) {
      const given = shared(
        members.map((member) => claim(member, owned.get(member)!)),
        count,
      );
      const all = Object.values(given).flat();
      t.is(new Set(all).size, all.length);
      for (const [member, partitions] of Object.entries(given)) {
        const others = [...owned].filter(([other]) => other !== member).flatMap(([, held]) => held);
        t.true(
          partitions.every((partition) => !others.includes(partition)),
          "What others hold is not given",
        );
      }
      owned = new Map(Object.entries(given));
    }
    const sizes = [...owned.values()].map(({ length }) => length);
    t.is(
      sizes.reduce((sum, size) => sum + size, 0),
      count,
    );
    t.true(Math.max(...sizes) - Math.min(...sizes) <= 1);
  },
);

testProp(
  "what members say of themselves is understood",
  [
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.option(fc.array(fc.nat(9)), { nil: undefined }),
    fc.array(fc.nat(9)),
    fc.nat(),
  ],
  (t, name, wanted, owned, generation) => {
    const said = decodeSubscription("m", encodeSubscription({ topic: name, wanted, owned, generation, partitions: 3 }));

    t.deepEqual(said, { member: "m", topics: new Map([[name, { wanted, owned }]]), generation });
  },
);

testProp(
  "what the leader gives is understood",
  [fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), fc.array(fc.nat(1000)))],
  (t, given) => {
    const bytes = encodeAssignment(new Map(Object.entries(given)));

    for (const [name, partitions] of Object.entries(given)) t.deepEqual(decodeAssignment(bytes, name), partitions);
    t.deepEqual(decodeAssignment(bytes, "another topic"), []);
  },
);

testProp("noise from a member of another kind is nothing", [fc.uint8Array({ maxLength: 60 })], (t, noise) => {
  t.notThrows(() => decodeSubscription("m", noise));
});
