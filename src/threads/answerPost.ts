import type { MessagePort } from "node:worker_threads";
import { SluiceError } from "../model/errors.ts";
import type { AnswerMessage, FarewellMessage, TaskMessage } from "./messages.ts";
import { copyBytes } from "./moveData.ts";
import { packError } from "./packError.ts";

// To wake the pool for every answer costs as much as a task of 20 µs, so answers of quick tasks go together. That has a
// price: answers that are held back wait for the end of the task that runs now, however long it takes. They are held
// only for a short while, therefore, and only in a thread that has shown a row of quick tasks.

/** How long an answer is held back at most, unless the next task takes longer than all those before it. */
const holdMs = 0.5;
/** How many tasks in a row have to be quicker than that. */
const quickRow = 16;

/** Where a thread's answers go out. @internal */
export interface AnswerPost {
  /** Takes in the answer to a task, and posts it now or with one of the next. */
  add(task: TaskMessage, answer: AnswerMessage): void;
  /** Posts what has been held back. To be called before the thread waits for anything. */
  flush(): void;
  /** Says which task the end of the thread met, and gives those back that it had not begun. */
  farewell(running: number | undefined, unbegun: readonly TaskMessage[]): void;
}

interface Letter {
  readonly answer: AnswerMessage;
  readonly transfer: readonly ArrayBuffer[];
}

/** Makes the post of a thread. @internal */
export function makeAnswerPost(port: MessagePort): AnswerPost {
  let held: Letter[] = [];
  let heldSince = 0;
  let quickOnes = 0;

  function add(task: TaskMessage, answer: AnswerMessage): void {
    const now = performance.now();
    quickOnes = answer.cost < holdMs ? quickOnes + 1 : 0;
    if (held.length === 0) heldSince = now;
    held.push(makeLetter(task, answer));
    if (quickOnes < quickRow || now - heldSince > holdMs) flush();
  }

  function flush(): void {
    const letters = held;
    held = [];
    if (letters.length > 0) post(letters);
  }

  /** Posts answers together, and each alone when one of them cannot be posted. */
  function post(letters: readonly Letter[]): void {
    try {
      port.postMessage(
        letters.map(({ answer }) => answer),
        letters.flatMap(({ transfer }) => transfer),
      );
    } catch (cause) {
      const [letter] = letters as [Letter];
      if (letters.length > 1) for (const one of letters) post([one]);
      else if (letter.answer.error === undefined || letter.transfer.length > 0) post([makeFailure(letter, cause)]);
      else throw cause;
    }
  }

  function farewell(running: number | undefined, unbegun: readonly TaskMessage[]): void {
    const letters = unbegun.map((task) => makeLetter(task, { id: task.id, cost: 0 }));
    const returned = letters.map(({ answer: { id, moved = [] } }) => ({ id, moved }));
    const message: FarewellMessage = { running, returned };
    port.postMessage(
      message,
      letters.flatMap(({ transfer }) => transfer),
    );
  }

  return { add, flush, farewell };
}

/** An answer takes the data along that was moved here. */
function makeLetter({ segments = [], moved = [] }: TaskMessage, answer: AnswerMessage): Letter {
  const back = moved.map((index) => segments[index] as Uint8Array<ArrayBuffer>);
  const transfer = back.map(({ buffer }) => buffer);
  if (!(answer.value instanceof Uint8Array)) return { answer: { ...answer, moved: back }, transfer };
  const value = copyBytes(answer.value);
  return { answer: { ...answer, value, moved: back }, transfer: [...transfer, value.buffer] };
}

/** The answer cannot be cloned, or the component has moved the data elsewhere: then it does not come back. */
function makeFailure({ answer: { id, cost, moved = [] } }: Letter, cause: unknown): Letter {
  const isHere = moved.every((segment) => segment.length > 0);
  const message = isHere
    ? "What a component answered cannot be cloned"
    : "A component moved its event's data elsewhere";
  const error = packError(new SluiceError("ERR_COMPONENT", message, { cause }));
  if (!isHere) return { answer: { id, cost, error }, transfer: [] };
  return { answer: { id, cost, error, moved }, transfer: moved.map(({ buffer }) => buffer as ArrayBuffer) };
}
