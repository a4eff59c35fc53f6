import type { PlantedBug } from "./plantedBug.ts";

const crash = "test/log/crash.test.ts";
const damage = "test/log/damage.test.ts";
const kill = "test/log/kill.test.ts";
const model = "test/modelBased/log.test.ts";
const topics = "test/log/topics.test.ts";

/** Bugs in topics, cursors and compaction. */
export const ofTopics: readonly PlantedBug[] = [
  {
    name: "cursors are not brought to the disk",
    file: "backends/log/cursorLog.ts",
    find: "    if (this.#isSynced) await this.#file.sync();\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "one record of cursors that cannot be read hides the others",
    file: "backends/log/cursorLog.ts",
    find: "at = end ?? at + alignment;",
    replace: "at = end ?? used;",
    tests: [damage],
  },
  {
    name: "a cursor is ahead of the events",
    file: "backends/log/topic.ts",
    find: "      this.#cursors.limit(partition.index, partition.report.end);\n",
    replace: "",
    tests: [topics],
  },
  {
    name: "what is acknowledged in memory alone is dropped",
    file: "backends/log/topic.ts",
    find: "this.#cursors.storedPosition(consumer, partition.index)",
    replace: "this.#cursors.position(consumer, partition.index)",
    tests: [topics],
  },
  {
    name: "a file has its name before it is on the disk",
    file: "backends/log/storage/storage.ts",
    find: '(temporary, "create");\n  try {\n    await writeAll(file, [bytes], 0);\n    await file.sync();',
    replace: '(temporary, "create");\n  try {\n    await writeAll(file, [bytes], 0);',
    tests: [crash],
  },
  {
    name: "what was read from the memory of the system alone is built upon",
    file: "backends/log/storage/storage.ts",
    find: '/${name}`, "write");\n  try {\n    await writeAll(file, [bytes], 0);\n    await file.sync();',
    replace: '/${name}`, "write");\n  try {\n    await writeAll(file, [bytes], 0);',
    tests: [crash, model],
  },
  {
    name: "the name of a file that is replaced is not brought to the disk",
    file: "backends/log/storage/storage.ts",
    find: "  await storage.rename(temporary, path);\n  await storage.syncDirectory(directory);",
    replace: "  await storage.rename(temporary, path);",
    tests: [crash],
  },
  {
    name: "a topic that was made is lost with the power",
    file: "backends/log/topicFile.ts",
    find: "  await storage.rename(`${directory}.new`, directory);\n  await storage.syncDirectory(above);",
    replace: "  await storage.rename(`${directory}.new`, directory);",
    tests: [crash],
  },
  {
    name: "a topic that was deleted comes back",
    file: "backends/log/topicStore.ts",
    find: "    await storage.rename(known.directory, `${known.directory}.gone`);\n    await storage.syncDirectory(directory);",
    replace: "    await storage.rename(known.directory, `${known.directory}.gone`);",
    tests: [crash],
  },
  {
    name: "partitions that were added are not stored",
    file: "backends/log/topic.ts",
    find: "      await this.#save(config, this.#sealed);\n",
    replace: "",
    tests: [crash, model],
  },
  {
    name: "a seal is not stored",
    file: "backends/log/topic.ts",
    find: "        await this.#save(this.#config, true);\n",
    replace: "        await this.#save(this.#config, false);\n",
    tests: [crash, model],
  },
  {
    name: "a directory that another process has is taken",
    file: "backends/log/storage/lock.ts",
    find: `if (codeOf(error) !== "EADDRINUSE") throw error;`,
    replace: `if (codeOf(error) === "EADDRINUSE") return createServer();`,
    tests: [kill],
  },
];

/** Bugs in operators. */
export const ofOperators: readonly PlantedBug[] = [
  {
    name: "a lease that was lost acknowledges",
    file: "src/model/group.ts",
    find: "    if (cursors.epoch(lease.partition) !== lease.epoch) return subscriber.error(fenced(consumer, lease));\n",
    replace: "",
    tests: ["test/backends/memory.test.ts"],
  },
  {
    name: "a cursor goes back",
    file: "src/model/group.ts",
    find: "if (stored === undefined || position > stored) cursors.move",
    replace: "cursors.move",
    tests: [model],
  },
  {
    name: "a sequence is used twice",
    file: "src/model/producerHistory.ts",
    find: 'if (sequence + count > next) return { store: "from", index: next - sequence };',
    replace: 'if (sequence + count >= next) return { store: "from", index: Math.max(0, next - sequence - 1) };',
    tests: [model, "test/backends/memory.test.ts"],
  },
  {
    name: "a missing batch of a producer is not missed",
    file: "src/model/producerHistory.ts",
    find: "    if (sequence > next) throw outOfSequence(id, sequence, next);\n",
    replace: '    if (sequence > next) return { store: "from", index: 0 };\n',
    tests: ["test/backends/memory.test.ts"],
  },
  {
    name: "an event is acknowledged while it is being handled",
    file: "operators/processEvents.ts",
    find: `jobs.findIndex(({ state }) => state !== "done")`,
    replace: `jobs.findIndex(({ state }) => state === "waiting")`,
    tests: ["test/properties/consumer.test.ts", "test/operators/processEvents.test.ts"],
  },
  {
    name: "the event after the acknowledged one is skipped",
    file: "operators/internal/acknowledger.ts",
    find: "this.position = id + 1;\n    const promised = (this.#next",
    replace: "this.position = id + 2;\n    const promised = (this.#next",
    tests: ["test/operators/acknowledge.test.ts", "test/operators/consume.test.ts"],
  },
  {
    name: "an acknowledgement that failed counts",
    file: "operators/internal/acknowledger.ts",
    find: "        if (this.#next === undefined) this.position = this.#stored;\n",
    replace: "",
    tests: ["test/operators/consume.test.ts", "test/operators/acknowledge.test.ts", "test/consumer.test.ts"],
  },
  {
    name: "an event that was sent twice is delivered twice",
    file: "operators/deduplicate.ts",
    find: "mark !== undefined && sequence <= mark.sequence;",
    replace: "mark !== undefined && sequence < mark.sequence;",
    tests: ["test/operators/deduplicate.test.ts"],
  },
  {
    name: "an event that is delivered again is taken for one that was sent twice",
    file: "operators/deduplicate.ts",
    find: "if (mark !== undefined && wasSeen(mark, id)) return !wasRepeat(mark, id);",
    replace: "",
    tests: ["test/operators/deduplicate.test.ts"],
  },
  {
    name: "results leave in the order in which they are ready",
    file: "operators/orderedMap.ts",
    find: "if (lanes[0] === lane && !advancing) subscriber.next(result);",
    replace: "if (!advancing) subscriber.next(result);",
    tests: ["test/operators/orderedMap.test.ts"],
  },
  {
    name: "a value that may go alone waits for the batch to fill",
    file: "operators/internal/batcher.ts",
    find: "(this.#lingers || (adaptive && this.#inFlight === 0))",
    replace: "this.#lingers",
    tests: ["test/operators/batch.test.ts"],
  },
  {
    name: "a full batch waits for the one in flight",
    file: "operators/internal/batcher.ts",
    find: "if (this.#isFull() || (adaptive && this.#inFlight === 0)) return true;",
    replace: "if ((this.#isFull() || adaptive) && this.#inFlight === 0) return true;",
    tests: ["test/operators/batch.test.ts"],
  },
  {
    name: "a batch that is not full takes the last place in flight",
    file: "operators/internal/batcher.ts",
    find: "this.#hurried > 0 && this.#inFlight < Math.max(1, maxBatches - 1)",
    replace: "this.#hurried > 0",
    tests: ["test/operators/batch.test.ts"],
  },
  {
    name: "a batch overtakes those that go again under new numbers",
    file: "operators/internal/batchNumbers.ts",
    find: 'this.#state === "sound" && this.#waiting.length === 0) this.#depart',
    replace: 'this.#state === "sound") this.#depart',
    tests: ["test/operators/internal/batchNumbers.test.ts"],
  },
  {
    name: "more batches are in flight than are allowed",
    file: "operators/internal/batcher.ts",
    find: "this.#inFlight >= maxBatches) return false;",
    replace: "this.#inFlight > maxBatches) return false;",
    tests: ["test/operators/batch.test.ts"],
  },
];

/** Bugs in robust publication. */
export const ofRobustPublication: readonly PlantedBug[] = [
  {
    name: "a batch that is sent again has no numbers",
    file: "operators/internal/robust/lane.ts",
    find: "{ ...sent.batch, producer: { id, sequence } }",
    replace: "{ ...sent.batch, producer: undefined }",
    tests: ["test/robust/robustProducer.test.ts"],
  },
  {
    name: "an event is put aside without asking whether it is stored",
    file: "operators/internal/robust/lane.ts",
    find: "map((next) => next > sequence)",
    replace: "map(() => false)",
    tests: ["test/robust/robustProducer.test.ts"],
  },
  {
    name: "the newer one of two journals counts after a crash",
    file: "operators/internal/robust/journalStore.ts",
    find: "used.find((number) => used.length === 1 || used.includes(behind(number))) ?? only!",
    replace: "used.at(-1)!",
    tests: ["test/robust/crash.test.ts"],
  },
  {
    name: "a restored journal is taken for the newest",
    file: "operators/internal/robust/openRobust.ts",
    find: "excess(behind, 0)",
    replace: "excess(behind, Infinity)",
    tests: ["test/robust/journal.test.ts"],
  },
  {
    name: "a journal has no bound",
    file: "operators/internal/robust/backlog.ts",
    find: "this.#bytes + size <= this.#max",
    replace: "this.#bytes + size <= Infinity",
    tests: ["test/robust/robustProducer.test.ts"],
  },
  {
    name: "events that were put aside count",
    file: "operators/internal/robust/spans.ts",
    find: "position - origin - (",
    replace: "position - origin - 0 * (",
    tests: ["test/robust/spans.test.ts"],
  },
  {
    name: "what is left goes under the identity of the next process",
    file: "operators/internal/robust/openRobust.ts",
    find: "origin: partition.end, isMet",
    replace: "origin: partition.position, isMet",
    tests: ["test/robust/crash.test.ts"],
  },
];
