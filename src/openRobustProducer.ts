import { defer, firstValueFrom, from, map, race, timer, type Subscription } from "rxjs";
import { answerOf } from "../operators/internal/robust/answerOf.ts";
import { journalConfig } from "../operators/internal/robust/journalStore.ts";
import { LateTopic } from "../operators/internal/robust/lateTopic.ts";
import { openRobust } from "../operators/internal/robust/openRobust.ts";
import {
  checkRobustOptions,
  type RobustOptions,
  type RobustRules,
} from "../operators/internal/robust/robustOptions.ts";
import { retryWithBackoff } from "../operators/retryWithBackoff.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import { resolveComponents, type Driver } from "./driver.ts";
import { checkAmount } from "./model/check.ts";
import type { Backend, BackendTopic } from "./model/backend.ts";
import { SluiceError } from "./model/errors.ts";
import { checkName } from "./model/names.ts";
import type { TopicHandle } from "./model/topicHandle.ts";
import { openJournal } from "./openJournal.ts";
import { RobustProducer } from "./robustProducer.ts";
import type { OpenTopicOptions } from "./topicOptions.ts";

/** The options of {@link openRobustProducer}. */
export interface OpenRobustProducerOptions<M = unknown> extends RobustOptions<M>, OpenTopicOptions<M> {
  /** What `connect` is given beside the URL. @default none */
  readonly connectOptions?: ConnectOptions | undefined;
  /** Milliseconds to wait for the backend, before it is gone on with what the journal knows of the topic. @default 5000 */
  readonly connectTimeout?: number | undefined;
}

/** A topic, and the connection that it came through. */
interface Connected<M> {
  readonly driver: Driver;
  readonly topic: TopicHandle<M, never>;
}

/**
 * Makes a robust producer that need not reach the backend to begin: a program that is started during an outage takes events
 * as before. What the topic is (its partitions and components) is in the journal since the producer first reached it.
 *
 * It connects by itself, again and again where that fails, and closes the connection when it is closed.
 *
 * @typeParam M - The metadata of the topic's events.
 * @param url - As for `connect`.
 * @param name - The name of the topic.
 * @param options - The journal, and how it is filled and emptied; components that cannot be stored; options of `connect`.
 * @returns The producer. Rejects as `topic.robustProducer` does; with what `connect` or `openTopic` fail with where waiting does not
 * mend that (`ERR_TOPIC_NOT_FOUND`, `ERR_UNAUTHORIZED`, `ERR_UNKNOWN_SCHEME`), or where the journal is new; with `ERR_TIMEOUT`
 * when the journal is new and the backend does not answer.
 *
 * @example
 * ```ts
 * import { connect, openRobustProducer } from "sluice";
 * import { memoryBackend } from "sluice/backends/memory";
 *
 * const driver = await connect("memory:example-robust");
 * await driver.createTopic("collisions");
 * const journal = memoryBackend(); // A directory in life: "publisher.journal"
 * const producer = await openRobustProducer<{ energy: number }>("memory:example-robust", "collisions", { journal });
 * console.log(await producer.push({ energy: 42 }).delivered); // 0
 * await producer.close();
 * await driver.close();
 * ```
 */
export async function openRobustProducer<M = unknown>(
  url: string,
  name: string,
  options: OpenRobustProducerOptions<M>,
): Promise<RobustProducer<M>> {
  const {
    connectOptions,
    connectTimeout = 5000,
    validator,
    partitionSelector,
    serializer,
    baseUrl,
    waive,
    ...rest
  } = options;
  checkName("topic", name);
  checkAmount("connectTimeout", connectTimeout, 1);
  const robust = rest as unknown as RobustOptions<never>;
  const rules = checkRobustOptions(robust);
  const components: OpenTopicOptions<M> = { validator, partitionSelector, serializer, baseUrl, waive };
  const connecting = connectTo<M>(url, connectOptions, name, components);
  const late = timer(connectTimeout).pipe(
    map(() => new SluiceError("ERR_TIMEOUT", `No backend within ${connectTimeout} ms`)),
  );
  const found = await firstValueFrom(race(from(connecting.then(undefined, asError)), late));
  if ("driver" in found) return overConnection(found, robust);
  void connecting.then(
    ({ driver }) => driver.close(),
    () => undefined,
  ); // It came too late, and another one will be made.
  if (rules.classify(found) !== "retry") throw found;
  const again = () => connectTo<M>(url, connectOptions, name, components);
  return fromJournal<M>(name, found, components, robust, rules, again);
}

async function connectTo<M>(
  url: string,
  options: ConnectOptions | undefined,
  name: string,
  components: OpenTopicOptions<M>,
): Promise<Connected<M>> {
  const driver = await connect(url, options);
  try {
    return { driver, topic: (await driver.openTopic<M>(name, components)) as unknown as TopicHandle<M, never> };
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function overConnection<M>(
  { driver, topic }: Connected<M>,
  options: RobustOptions<never>,
): Promise<RobustProducer<M>> {
  const { name, backend, components } = topic;
  try {
    const open = await openRobust<M>({ name, backend, components, openJournal }, options);
    const release = async () => {
      await open.release();
      await driver.close();
    };
    return new RobustProducer<M>({}, { ...open, release });
  } catch (error) {
    await driver.close();
    throw error;
  }
}

/** Begins with what the journal knows of the topic, and goes on connecting. */
async function fromJournal<M>(
  name: string,
  reason: Error,
  components: OpenTopicOptions<M>,
  options: RobustOptions<never>,
  rules: RobustRules<never>,
  connectAgain: () => Promise<Connected<M>>,
): Promise<RobustProducer<M>> {
  const journal = await journalOf(options);
  try {
    const config = await journalConfig(journal);
    if (config === undefined) throw reason;
    const topic = new LateTopic(name, config, reason);
    const resolved = await resolveComponents(components as unknown as OpenTopicOptions<never>, config.components);
    const backend = topic as unknown as BackendTopic;
    const handle = { name, backend, components: resolved } as unknown as TopicHandle<M, never>;
    const open = await openRobust<M>(handle, { ...options, journal });
    let connected: Connected<M> | undefined;
    let isReleased = false;
    const connecting = defer(async () => {
      const found = await connectAgain();
      if (isReleased) await found.driver.close(); // It came too late.
      return found;
    });
    const isRetriable = (error: unknown) => rules.classify(error) === "retry";
    const attempts: Subscription = connecting
      .pipe(retryWithBackoff({ ...rules.retry, count: Infinity, isRetriable }))
      .subscribe({
        next: (found) => {
          connected = found;
          const problem = serializerProblem(config, found.topic.backend.config);
          if (problem === undefined) topic.arrive(found.topic.backend);
          else topic.fail(problem);
          open.core.sendNow();
        },
        error: (error: unknown) => {
          topic.fail(error);
          open.core.sendNow();
        },
      });
    const release = async () => {
      isReleased = true;
      attempts.unsubscribe();
      await open.release();
      if (options.journal !== journal) await answerOf(journal.close());
      await connected?.driver.close();
    };
    return new RobustProducer<M>({}, { ...open, release });
  } catch (error) {
    if (options.journal !== journal) await answerOf(journal.close());
    throw error;
  }
}

function journalOf({ journal, durability, journalOptions }: RobustOptions<never>): Backend | Promise<Backend> {
  return typeof journal === "string" ? openJournal(journal, { durability, journalOptions }) : journal;
}

function serializerProblem(known: BackendTopic["config"], found: BackendTopic["config"]): SluiceError | undefined {
  const [ours, theirs] = [known, found].map(({ components }) => JSON.stringify(components.serializer));
  if (ours === theirs) return undefined;
  return new SluiceError(
    "ERR_COMPONENT",
    `The journal was written with the serializer ${ours}, and the topic has ${theirs}`,
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
