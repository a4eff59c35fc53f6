import { parentPort, receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { EventData } from "../model/data.ts";
import { isPromiseLike } from "../model/isPromiseLike.ts";
import { makeAnswerPost } from "./answerPost.ts";
import { makeComponentHost } from "./componentHost.ts";
import type { AnswerMessage, PoolMessage, TaskMessage } from "./messages.ts";
import { packError } from "./packError.ts";
import type { ModuleComponent } from "./poolTypes.ts";
import { makePriorityQueue } from "./priorityQueue.ts";

// A thread of a pool. It runs one task at a time, the most urgent first.

/** How long tasks may keep the thread's event loop from turning, which the modules may need. */
const turnMs = 10;

const port = parentPort as MessagePort;
const post = makeAnswerPost(port);
const host = makeComponentHost();
const queue = makePriorityQueue<TaskMessage>();
const components = new Map<number, ModuleComponent>();
const sessions = new Map<number, object>();
let isRunning = false;
let running: number | undefined;

port.on("message", (message: PoolMessage) => {
  accept(message);
  if (!isRunning) void runAll();
});

// A module may end its thread. What it had finished by then is not lost, and what it had not begun goes back.
process.on("exit", () => {
  post.flush();
  const unbegun: TaskMessage[] = [];
  for (let task = nextTask(); task !== undefined; task = nextTask()) unbegun.push(task);
  post.farewell(running, unbegun);
});

function accept(message: PoolMessage): void {
  for (const [id, component] of message.components) components.set(id, component);
  for (const session of message.endedSessions) sessions.delete(session);
  for (const task of message.tasks) queue.push(task);
}

async function runAll(): Promise<void> {
  isRunning = true;
  let turnedAt = performance.now();
  for (let task = nextTask(); task !== undefined; task = nextTask()) {
    running = task.id;
    const ending = runTask(task);
    if (ending !== undefined) {
      post.flush();
      await ending;
    }
    running = undefined;
    if (performance.now() - turnedAt > turnMs) {
      post.flush();
      await new Promise((resolve) => setImmediate(resolve));
      turnedAt = performance.now();
    }
  }
  post.flush();
  isRunning = false;
}

/** Looks for new messages before each task (0.1 µs): a task of a higher priority may have come. */
function nextTask(): TaskMessage | undefined {
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
    accept(received.message as PoolMessage);
  }
  return queue.pop();
}

/** Runs and answers a task. Returns a promise only when there is something to wait for. It never rejects. */
function runTask(task: TaskMessage): undefined | PromiseLike<void> {
  let startedAt = performance.now();
  const answer = (result: Pick<AnswerMessage, "value" | "error">) =>
    post.add(task, { id: task.id, cost: performance.now() - startedAt, ...result });
  const succeed = (value: unknown) => answer({ value });
  const fail = (error: unknown) => answer({ error: packError(error) });

  try {
    const component = host.load(components.get(task.component) as ModuleComponent);
    if (isPromiseLike(component)) {
      const call = component.then((loaded) => {
        startedAt = performance.now();
        return host.call(loaded, callOf(task));
      });
      return call.then(succeed, fail);
    }
    const value = host.call(component, callOf(task));
    if (isPromiseLike(value)) return value.then(succeed, fail);
    succeed(value);
  } catch (error) {
    fail(error);
  }
  return undefined;
}

function callOf({ method, args, segments, session }: TaskMessage): Parameters<typeof host.call>[1] {
  return {
    method,
    args,
    ...(segments !== undefined && { data: EventData.from(segments) }),
    ...(session !== undefined && { session: sessionOf(session) }),
  };
}

function sessionOf(number: number): object {
  const session = sessions.get(number) ?? {};
  sessions.set(number, session);
  return session;
}
