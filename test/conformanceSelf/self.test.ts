import test from "ava";
import { memoryCapabilities } from "../../backends/memory/index.ts";
import { conformance, type ConformanceOptions } from "../conformance/index.ts";
import { cursors } from "./broken/cursors.ts";
import { declaredBy, faultyBackend, type Fault } from "./broken/fault.ts";
import { limited } from "./broken/limited.ts";
import { policies } from "./broken/policies.ts";
import { readingFaults } from "./broken/reading.ts";
import { sharing } from "./broken/sharing.ts";
import { storing } from "./broken/storing.ts";
import { topics } from "./broken/topics.ts";
import { transactions } from "./broken/transactions.ts";

interface Case {
  readonly title: string;
  readonly run: () => Promise<void>;
}

test("the suite is registered whole", (t) => {
  const titles = casesFor(() => ({})).map(({ title }) => title);

  t.true(titles.every((title) => /^§\d+ \S/.test(title)));
  t.is(new Set(titles).size, titles.length);
  const promises = new Set(titles.map((title) => Number(/\d+/.exec(title)![0])));
  t.deepEqual(
    [...promises].sort((a, b) => a - b),
    [...Array.from({ length: 33 }, (_, i) => i + 1), 35],
  );
});

test("a backend without a fault passes", async (t) => {
  t.deepEqual(await failuresOf(casesFor(() => ({}))), []);
});

for (const [name, fault] of Object.entries(limited)) {
  test(`a backend that ${name} and says so passes`, async (t) => {
    t.deepEqual(await failuresOf(casesFor(fault, { capabilities: declaredBy(fault()) })), []);
  });
}

for (const faults of [storing, readingFaults, cursors, sharing, topics, policies, transactions]) {
  for (const [name, [promise, fault]] of Object.entries(faults)) {
    // One after the other: a deadline that is this short must not be missed because others run meanwhile.
    test.serial(`§${promise} a backend that ${name} is found out`, async (t) => {
      const cases = casesFor(fault, { deadline: 400 }).filter(({ title }) => title.startsWith(`§${promise} `));
      for (const each of cases) {
        const reason = await failureOf(each);
        if (reason === undefined) continue;
        t.log(reason);
        return t.pass();
      }
      return t.fail(`All ${cases.length} tests of the promise passed`);
    });
  }
}

/** The tests that the suite registers for a backend with a fault. */
function casesFor(fault: () => Fault, options: Partial<ConformanceOptions> = {}): Case[] {
  const cases: Case[] = [];
  conformance({
    test: (title, run) => cases.push({ title, run: () => run() }),
    backend: () => faultyBackend(fault()),
    capabilities: memoryCapabilities,
    ...options,
  });
  return cases;
}

async function failuresOf(cases: readonly Case[]): Promise<string[]> {
  const failures: string[] = [];
  for (const each of cases) {
    const failure = await failureOf(each);
    if (failure !== undefined) failures.push(failure);
  }
  return failures;
}

async function failureOf({ title, run }: Case): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return `${title}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
