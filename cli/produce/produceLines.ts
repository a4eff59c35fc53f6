import { isSluiceError, type ErrorCode, type Producer } from "sluice";
import type { AddData } from "./dataFiles.ts";
import { isBlank, LineProblem, parseEvent, type LineFormat, type ParsedEvent } from "./parseEvent.ts";
import type { Line } from "./readLines.ts";

/** A line that is not stored, and why. */
export interface RejectedLine {
  /** The line. */
  readonly line: Line;
  /** Why. */
  readonly error: unknown;
}

/** How lines become events. */
export interface ProduceLinesOptions {
  /** What a line is. */
  readonly format: LineFormat;
  /** The partition of events that ask for none. */
  readonly partition?: number | undefined;
  /** Gives each event its data. */
  readonly addData?: AddData | undefined;
  /** Told of each line that is not stored. `"stop"` reads no further. */
  readonly rejected: (rejected: RejectedLine) => "go on" | "stop";
  /** Told after each line what there is so far. */
  readonly progress?: ((counts: ProduceCounts) => void) | undefined;
}

/** What has become of the lines. */
export interface ProduceCounts {
  /** Lines that have been read, without blank ones. */
  read: number;
  /** Events that are stored. */
  stored: number;
  /** Lines that were rejected. */
  rejected: number;
}

/** Errors that are about one event. Everything else ends the command. */
const rejections: readonly ErrorCode[] = ["ERR_INVALID_METADATA", "ERR_INVALID_PARTITION", "ERR_SERIALIZATION"];

/**
 * Stores lines as events, and returns once all that were read are stored or rejected. It reads no faster than the backend
 * stores, so memory stays flat.
 *
 * @param producer - Where the events go. It is flushed, not closed.
 * @param lines - The input.
 * @returns The counts. Rejects with what kept an event from being stored, when that was not the event's own fault.
 */
export async function produceLines(
  producer: Producer,
  lines: AsyncIterable<Line>,
  options: ProduceLinesOptions,
): Promise<ProduceCounts> {
  const { format, partition, addData = (event: ParsedEvent) => event, rejected, progress } = options;
  const counts: ProduceCounts = { read: 0, stored: 0, rejected: 0 };
  let failure: { readonly error: unknown } | undefined;
  let isStopped = false;
  let open = 0;
  let drained = ignore;

  for await (const line of lines) {
    if (failure !== undefined || isStopped) break;
    if (isBlank(line, format)) continue;
    counts.read++;
    try {
      push(line, await addData(parseEvent(line, format)));
    } catch (error) {
      failed(line, error);
    }
    progress?.(counts);
    if (!producer.isReady) await producer.ready;
  }
  // What has failed is told by the future of each event.
  await producer.flush().then(ignore, ignore);
  if (open > 0) await new Promise<void>((resolve) => (drained = resolve));
  if (failure !== undefined) throw failure.error as Error;
  return counts;

  function push(line: Line, { metadata, data, partition: own }: ParsedEvent): void {
    const future = producer.push(metadata, data, { partition: own ?? partition });
    open++;
    void future
      .then(
        () => void counts.stored++,
        (error: unknown) => failed(line, error),
      )
      .then(() => --open === 0 && drained());
  }

  function failed(line: Line, error: unknown): void {
    const isRejection = error instanceof LineProblem || rejections.some((code) => isSluiceError(error, code));
    if (!isRejection) {
      failure ??= { error };
      return;
    }
    counts.rejected++;
    if (rejected({ line, error }) === "stop") isStopped = true;
  }
}

function ignore(): void {}
