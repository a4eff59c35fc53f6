import test from "ava";
import { baseOf, Numbering, type Forwarded } from "../../../cli/forward/numbering.ts";

/** Events with some ids, each of its own time. */
const events = (...ids: number[]) => ids.map((id) => ({ id, timestamp: 1000 + 10 * id }));
const prefix = "forward/source/0@";

/** What an earlier run has left that began at id 100 and came as far as 104. */
function found(): Forwarded {
  return {
    name: `${prefix}100.ab`,
    base: 100,
    last: 104,
    times: new Map(events(100, 101, 102, 103, 104).map(({ id, timestamp }) => [id, timestamp])),
  };
}

const idsOf = (list: readonly { readonly id: number }[]) => list.map(({ id }) => id);

test("Numbering begins with 0 and goes on, also when events are tried again", (t) => {
  const numbering = new Numbering(prefix, undefined);
  const [first, second] = [events(7, 8), events(9, 10, 11)];
  t.deepEqual(numbering.begin(first), first);
  const name = numbering.of(first[0]!)!.id;
  t.is(baseOf(name, prefix), 7);
  t.deepEqual(
    first.map((each) => numbering.of(each)),
    [
      { id: name, sequence: 0 },
      { id: name, sequence: 1 },
    ],
  );
  numbering.begin(second);
  numbering.begin(second.slice(1));
  t.deepEqual(numbering.of(second[1]!), { id: name, sequence: 3 });
});

test("Numbering gives no numbers where ids have gaps, and begins anew behind them", (t) => {
  const numbering = new Numbering(prefix, undefined);
  numbering.begin(events(1, 2));
  const name = numbering.of(events(1)[0]!)!.id;
  const gaps = events(3, 5);
  t.deepEqual(numbering.begin(gaps), gaps);
  t.is(numbering.of(gaps[0]!), undefined);
  const [next] = numbering.begin(events(6));
  t.is(numbering.of(next!)!.sequence, 0);
  t.not(numbering.of(next!)!.id, name);
});

test("Numbering leaves out what an earlier run has stored, and goes on under its name", (t) => {
  for (const ids of [[102, 103, 104, 105], [105]]) {
    const numbering = new Numbering(prefix, found());
    const missing = numbering.begin(events(...ids));
    t.deepEqual(idsOf(missing), [105]);
    t.deepEqual(numbering.of(missing[0]!), { id: `${prefix}100.ab`, sequence: 5 });
  }
});

test("Numbering takes no event for one that is there because of its id alone", (t) => {
  const numbering = new Numbering(prefix, found());
  const given = [...events(102), { id: 103, timestamp: 77 }, { id: 104, timestamp: 78 }];
  const missing = numbering.begin(given);
  t.deepEqual(idsOf(missing), [103, 104]);
  const { id, sequence } = numbering.of(missing[0]!)!;
  t.not(id, `${prefix}100.ab`, "under which the target would drop it");
  t.is(sequence, 0);
});

test("Numbering goes on under no name behind a gap, and a renewed one is another", (t) => {
  const numbering = new Numbering(prefix, found());
  const [event] = numbering.begin(events(107));
  const first = numbering.of(event!)!;
  t.is(first.sequence, 0);
  numbering.renew();
  numbering.begin(events(107));
  t.not(numbering.of(event!)!.id, first.id);
});

test("baseOf() knows the names of one forward, source and partition", (t) => {
  t.is(baseOf(`${prefix}12.0f`, prefix), 12);
  for (const name of [`${prefix}12`, `${prefix}x.0f`, `${prefix}12.0f.1`, "forward/source/1@12.0f", "app"]) {
    t.is(baseOf(name, prefix), undefined, name);
  }
});
