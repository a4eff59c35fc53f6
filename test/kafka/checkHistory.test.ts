import { fc, testProp } from "@fast-check/ava";
import test from "ava";
import { checkHistory, type Anomaly, type Happening } from "./checkHistory.ts";

const final = "final";

/** A history without a fault: values are stored in turn in two partitions, read by one session and by the last one. */
function sound(count = 12): Happening[] {
  const values = Array.from({ length: count }, (_, value) => ({
    partition: value % 2,
    id: Math.floor(value / 2) * 3,
    value,
  }));
  return [
    ...values.map((each) => ({ kind: "stored" as const, ...each })),
    ...values.slice(4).map((each) => ({ kind: "polled" as const, session: "one", ...each })),
    ...values.map((each) => ({ kind: "polled" as const, session: final, ...each })),
  ];
}

test("a sound history has nothing in it", (t) => {
  t.deepEqual(checkHistory(sound(), final), []);
});

test("an event whose fate nobody knew may be there or not", (t) => {
  t.deepEqual(checkHistory([...sound(), { kind: "unknown", value: 99 }], final), []);
  const extra = { kind: "polled", session: final, partition: 0, id: 100, value: 99 } as const;
  t.deepEqual(checkHistory([...sound(), { kind: "unknown", value: 99 }, extra], final), []);
});

type Place = Extract<Happening, { readonly kind: "stored" }>;

test("what was delivered and not acknowledged may be delivered again to a new session", (t) => {
  const one = sound().filter((each) => each.kind === "polled" && each.session === "one") as Place[];
  const acknowledged = one
    .slice(0, 2)
    .map(({ partition, id }) => ({ kind: "acknowledged", session: "one", partition, id }) as const);
  const early = sound().slice(0, 4) as Place[];
  const zero = early.map((each) => ({ ...each, kind: "polled", session: "zero" }) as const);
  const again = one.slice(2).map((each) => ({ ...each, kind: "polled", session: "two" }) as const);

  t.deepEqual(checkHistory([...zero, ...sound(), ...acknowledged, ...again], final), []);
});

/** Each anomaly, and how it is planted into a sound history. */
const planted: Readonly<Record<Anomaly, (history: Happening[], index: number) => Happening[]>> = {
  "lost write": (history, index) => history.filter((each) => !(each.kind === "polled" && each.value === index % 4)),
  "divergent offset": (history, index) =>
    history.map((each) => (each.kind === "stored" && each.value === index ? { ...each, value: 77 } : each)),
  "non-monotonic poll": (history, index) => {
    const polls = history.filter((each) => each.kind === "polled" && each.session === final);
    return [...history, polls[index]!];
  },
  "skipped event": (history, index) => {
    const own = history.filter((each) => each.kind === "polled" && each.session === "one");
    const middle = own[2 + (index % 4)]!;
    return history.filter((each) => each !== middle);
  },
  duplicate: (history, index) => [...history, { kind: "polled", session: "two", partition: 0, id: 1000, value: index }],
  "aborted read": (history, index) => [...history, { kind: "aborted", value: index }],
  "delivered again": (history, index) => {
    const [{ partition, id }, again] = [history[index] as Place, history[index % 2] as Place];
    return [
      ...history,
      { kind: "acknowledged", session: "one", partition, id },
      { ...again, kind: "polled", session: "two" },
    ];
  },
  // The session "one" began at the fifth event, and what it acknowledges covers the four in front of it.
  "missed event": (history, index) => {
    const { partition, id } = history[4 + (index % 8)] as Place;
    return [...history, { kind: "acknowledged", session: "one", partition, id }];
  },
};

for (const [anomaly, plant] of Object.entries(planted)) {
  testProp(`checkHistory() finds: ${anomaly}`, [fc.nat(11)], (t, index) => {
    const found = checkHistory(plant(sound(), index), final).map((each) => each.anomaly);

    t.true(found.includes(anomaly as Anomaly), found.join());
  });
}
