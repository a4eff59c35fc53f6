import { computed, signal } from "@preact/signals";
import type { ShownEvent } from "./followEvents.ts";
import { matchEvent } from "./matchEvent.ts";
import { consumerRates, flowOf, lagOf, producerFlows, type Flow, type Look } from "./rates.ts";

/** One point of every chart. */
export interface Point extends Flow {
  /** Seconds since 1970. */
  readonly time: number;
  /** How far consumers are behind. */
  readonly lag: number;
}

/** Looks that are remembered: five minutes of them. */
const maxLooks = 301;
const maxEvents = 200;

/** The last looks at the service, oldest first. */
export const looks = signal<readonly Look[]>([]);
/** What keeps the page from the service. */
export const problem = signal<string | undefined>(undefined);
/** The token of the user, where the service wants one. It is kept in this page only. */
export const token = signal<string | undefined>(undefined);
/** Whether the service wants a token that it was not shown. */
export const wantsToken = signal(false);
/** The topic that is looked at; undefined for all. */
export const selected = signal<string | undefined>(undefined);
/** The newest events, newest first. */
export const events = signal<readonly ShownEvent[]>([]);
/** What is typed into the filter. */
export const filter = signal("");
/** Whether new events wait. */
export const isPaused = signal(false);
/** Whether the keys are shown. */
export const isHelpShown = signal(false);

/** What the service said last. */
export const status = computed(() => looks.value.at(-1)?.status);

/** The events that the filter lets through. */
export const shownEvents = computed(() => {
  const isWanted = matchEvent(filter.value);
  return events.value.filter(isWanted);
});

/** What the charts show: the selected topic, or all of them. */
export const points = computed<readonly Point[]>(() => {
  const topic = selected.value;
  return looks.value.slice(1).map((look, i) => ({
    time: look.time / 1000,
    lag: lagOf(look.status, topic),
    ...flowOf(looks.value[i]!, look, topic),
  }));
});

/** How fast each topic goes now. */
export const topicFlows = computed<ReadonlyMap<string, Flow>>(() => {
  const [before, now] = looks.value.slice(-2);
  if (before === undefined || now === undefined) return new Map();
  return new Map(now.status.topics.map(({ topic }) => [topic, flowOf(before, now, topic)]));
});

/** How fast each producer goes now. */
export const flowsOfProducers = computed<ReadonlyMap<string, Flow>>(() => {
  const [before, now] = looks.value.slice(-2);
  return before === undefined || now === undefined ? new Map() : producerFlows(before, now);
});

/** How fast the consumers of each name acknowledge now. */
export const ratesOfConsumers = computed<ReadonlyMap<string, number>>(() => {
  const [before, now] = looks.value.slice(-2);
  return before === undefined || now === undefined ? new Map() : consumerRates(before, now);
});

/** Takes a look in. */
export function addLook(look: Look): void {
  looks.value = [...looks.value, look].slice(-maxLooks);
}

/** Takes new events in. */
export function addEvents(more: readonly ShownEvent[]): void {
  if (isPaused.value) return;
  // Some may have been on their way when another topic was selected.
  const wanted = more.filter(({ topic }) => selected.value === undefined || topic === selected.value);
  if (wanted.length > 0) events.value = [...wanted.toReversed(), ...events.value].slice(0, maxEvents);
}

/** Looks at a topic, or at all of them. */
export function select(topic: string | undefined): void {
  if (selected.value === topic) return;
  selected.value = topic;
  events.value = [];
}

/** Looks at the topic that stands so many places away in the list. */
export function selectBeside(places: number): void {
  const names = [undefined, ...(status.value?.topics ?? []).map(({ topic }) => topic)];
  const at = names.indexOf(selected.value) + places;
  select(names[Math.min(names.length - 1, Math.max(0, at))]);
}
