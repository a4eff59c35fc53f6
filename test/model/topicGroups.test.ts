import test from "ava";
import type { Lease } from "../../src/model/backend.ts";
import { TopicGroups } from "../../src/model/topicGroups.ts";

function groupsOf(partitions: number): { groups: TopicGroups; asked: string[]; grow: (count: number) => void } {
  const asked: string[] = [];
  const shape = { partitions };
  const groups = new TopicGroups({
    partitions: () => shape.partitions,
    cursors: (consumer) => {
      asked.push(consumer);
      return { position: () => undefined, move: () => {}, epoch: () => 1, renew: () => 1 };
    },
    answer: (subscriber) => subscriber.complete(),
  });
  return { groups, asked, grow: (count) => (shape.partitions = count) };
}

const everything = { partitions: undefined };

test("TopicGroups gives each name all partitions, and asks for its cursors once a group", (t) => {
  const { groups, asked } = groupsOf(3);
  const leases: Lease[] = [];
  const first = groups.join("a", everything).subscribe((granted) => leases.push(...granted));
  const second = groups.join("a", everything).subscribe();
  groups.join("b", everything).subscribe((granted) => leases.push(...granted));
  t.is(leases.length, 6);
  t.deepEqual(asked, ["a", "b"]);
  first.unsubscribe();
  second.unsubscribe();
  groups.join("a", everything).subscribe();
  t.deepEqual(asked, ["a", "b", "a"]);
});

test("TopicGroups gives partitions that were added", (t) => {
  const { groups, grow } = groupsOf(1);
  const leases: Lease[] = [];
  groups.join("a", everything).subscribe((granted) => leases.push(...granted));
  grow(3);
  groups.rebalance();
  t.deepEqual(
    leases.map(({ partition }) => partition),
    [0, 1, 2],
  );
});

test("TopicGroups ends every membership with an error", (t) => {
  const { groups } = groupsOf(1);
  const errors: unknown[] = [];
  for (const name of ["a", "b"]) groups.join(name, everything).subscribe({ error: (error) => errors.push(error) });
  groups.fail("gone");
  t.deepEqual(errors, ["gone", "gone"]);
});
