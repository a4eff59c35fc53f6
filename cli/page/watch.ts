import {
  bufferTime,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  from,
  map,
  merge,
  Observable,
  switchMap,
  timer,
} from "rxjs";
import { effect } from "@preact/signals";
import { connect, type Driver } from "sluice";
import type { ServiceStatus } from "../service/serviceStatus.ts";
import { followEvents } from "./followEvents.ts";
import { addEvents, addLook, problem, selected, status, token, wantsToken } from "./state.ts";

/** Milliseconds between two looks. */
const lookMs = 1000;
/** Events are taken in together, at most ten times a second, so that the page stays quick. */
const eventsMs = 100;
/** Topics whose events are followed at once, where none is selected. */
const maxFollowed = 16;

/** Looks at the service once a second. */
export function watchStatus(): void {
  timer(0, lookMs)
    .pipe(exhaustMap(() => from(look())))
    .subscribe();
}

async function look(): Promise<void> {
  try {
    const response = await fetch("status", { headers: headers(), signal: AbortSignal.timeout(5000) });
    wantsToken.value = response.status === 401;
    if (response.ok) {
      addLook({ time: Date.now(), status: (await response.json()) as ServiceStatus });
      problem.value = undefined;
    } else if (!wantsToken.value) problem.value = `The service answers with ${response.status}`;
  } catch {
    problem.value = "The service does not answer";
  }
}

function headers(): Record<string, string> {
  return token.value === undefined ? {} : { authorization: `Bearer ${token.value}` };
}

/** Follows the newest events of the selected topic, or of all of them. */
export function watchEvents(): void {
  connected()
    .pipe(
      switchMap((driver) =>
        followed().pipe(
          switchMap((topics) =>
            merge(...topics.map((topic) => followEvents(driver, topic, `page-${crypto.randomUUID()}`, endOf(topic)))),
          ),
        ),
      ),
      bufferTime(eventsMs),
      filter((events) => events.length > 0),
    )
    .subscribe(addEvents);
}

/** The connection: by WebSocket, to where the page came from. It is made again when it is lost, and when the token changes. */
function connected(): Observable<Driver> {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
  return valueOf(() => ({ token: token.value, isReady: !wantsToken.value && status.value !== undefined })).pipe(
    distinctUntilChanged((one, other) => one.token === other.token && one.isReady === other.isReady),
    switchMap(({ token: own, isReady }) => (isReady ? open(url, own) : EMPTY)),
  );
}

function open(url: string, own: string | undefined): Observable<Driver> {
  return new Observable((subscriber) => {
    let driver: Driver | undefined;
    const isOver = () => subscriber.closed;
    void connect(url, own === undefined ? {} : { token: own }).then(
      (made) => {
        driver = made;
        if (isOver()) void made.close();
        else subscriber.next(made);
      },
      (error: unknown) => (problem.value = (error as Error).message),
    );
    return () => void driver?.close();
  });
}

function followed(): Observable<readonly string[]> {
  return valueOf(() => {
    const { value } = selected;
    if (value !== undefined) return [value];
    return (status.value?.topics ?? []).slice(0, maxFollowed).map(({ topic }) => topic);
  }).pipe(
    map((topics) => topics.join(" ")),
    distinctUntilChanged(),
    map((topics) => topics.split(" ").filter((topic) => topic !== "")),
  );
}

function endOf(topic: string): (partition: number) => number {
  return (partition) => status.value?.topics.find((each) => each.topic === topic)?.partitions[partition]?.end ?? 0;
}

/** What signals say, as an Observable. */
function valueOf<T>(read: () => T): Observable<T> {
  return new Observable((subscriber) => effect(() => subscriber.next(read())));
}
