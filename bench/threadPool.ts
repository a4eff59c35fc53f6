import { EventData } from "../src/model/data.ts";
import { validatorOnPool } from "../src/threads/componentsOnPool.ts";
import { makeThreadPool, type ThreadPool } from "../src/threads/threadPool.ts";
import type { Validator } from "../src/model/component.ts";

/** One line of the benchmark. */
export interface ThreadPoolRow {
  /** How many threads; 0 is inline. */
  readonly threads: number;
  /** What validating one event costs inline, in microseconds. */
  readonly eventMicros: number;
  /** Events per second: the slowest, the middle and the fastest run. */
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** The median as a multiple of that of the inline run. */
  readonly ratio: number;
}

/** How the benchmark runs. */
export interface ThreadPoolBenchOptions {
  /** The costs of an event to measure, in microseconds. @default [200] */
  readonly eventMicros?: readonly number[];
  /** The pools to compare. @default [0, 1, 2] */
  readonly threads?: readonly number[];
  /** Events of one run. @default 5000 */
  readonly events?: number;
  /** Runs of each pool, taken in turns. @default 5 */
  readonly runs?: number;
}

interface Subject {
  readonly threads: number;
  readonly pool: ThreadPool;
  readonly validator: Validator;
  readonly rates: number[];
}

/**
 * Measures what a thread pool gains for a heavy validator: events per second inline, and on threads. The runs of the
 * pools take turns, so that a slow moment of the machine meets all of them.
 */
export async function benchThreadPool(options: ThreadPoolBenchOptions = {}): Promise<ThreadPoolRow[]> {
  const { eventMicros = [200] } = options;
  const rows: ThreadPoolRow[] = [];
  for (const micros of eventMicros) rows.push(...(await benchOne(micros, options)));
  return rows;
}

async function benchOne(
  micros: number,
  { threads = [0, 1, 2], events = 5000, runs = 5 }: ThreadPoolBenchOptions,
): Promise<ThreadPoolRow[]> {
  const rounds = await roundsFor(micros);
  const subjects = await Promise.all(threads.map((size) => makeSubject(size, rounds)));
  for (const subject of subjects) await validateAll(subject.validator, Math.ceil(events / 5));
  for (let run = 0; run < runs; run++) {
    for (const subject of subjects) subject.rates.push(await validateAll(subject.validator, events));
  }
  await Promise.all(subjects.map(({ pool }) => pool.close()));

  const inline = subjects.find((subject) => subject.threads === 0);
  const base = middle(inline?.rates ?? subjects[0]?.rates ?? []);
  return subjects.map((subject) => toRow(subject, micros, base));
}

async function makeSubject(threads: number, rounds: number): Promise<Subject> {
  const pool = makeThreadPool(threads);
  const validator = await validatorOnPool(pool, { type: "hashing:./fixtures/hashing.js", rounds }, import.meta.url);
  return { threads, pool, validator, rates: [] };
}

/** How many rounds of hashing take so many microseconds on this machine. */
async function roundsFor(micros: number): Promise<number> {
  const probe = 1000;
  const { validator } = await makeSubject(0, probe);
  await validateAll(validator, 100);
  const rate = await validateAll(validator, 200);
  return Math.max(1, Math.round((probe * micros * rate) / 1e6));
}

/** Validates so many events as a producer would, 256 at a time. Returns events per second. */
async function validateAll(validator: Validator, events: number): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < events) await validator.validate({ name: `event ${next++}`, energy: 7 }, EventData.empty);
  };
  await Promise.all(Array.from({ length: 256 }, lane));
  return (events / (performance.now() - startedAt)) * 1000;
}

function toRow({ threads, rates }: Subject, eventMicros: number, base: number): ThreadPoolRow {
  const median = middle(rates);
  const [min, max] = [Math.min(...rates), Math.max(...rates)].map(Math.round) as [number, number];
  return { threads, eventMicros, min, median: Math.round(median), max, ratio: Math.round((median / base) * 100) / 100 };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
