import type { Job } from "./job.ts";
import type { TaskMessage } from "./messages.ts";
import { copyBytes, packData, type PackedData } from "./moveData.ts";
import type { ModuleComponent } from "./poolTypes.ts";

/** The numbers that messages name components and sessions by. @internal */
export interface Numbering {
  component(component: ModuleComponent): number;
  session(session: object): number;
}

/** A job, ready for the post. @internal */
export interface Parcel {
  readonly job: Job;
  readonly task: TaskMessage;
  readonly transfer: readonly ArrayBuffer[];
  readonly data: PackedData | undefined;
}

/** Puts a job into the form that is posted to a thread. With `copy`, its data is not moved. @internal */
export function wrapJob(job: Job, numbers: Numbering, copy: boolean): Parcel {
  const { id, priority, task } = job;
  const { component, method, args, session } = task;
  const data = task.data && packData(task.data, copy);
  return {
    job,
    data,
    transfer: data?.transfer ?? [],
    task: {
      id,
      priority,
      component: numbers.component(component),
      method,
      args: args.map((arg) => (arg instanceof Uint8Array ? copyBytes(arg) : arg)),
      ...(session !== undefined && { session: numbers.session(session) }),
      ...(data !== undefined && { segments: data.segments, moved: data.moved }),
    },
  };
}
