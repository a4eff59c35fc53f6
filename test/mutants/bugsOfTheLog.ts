import type { PlantedBug } from "./plantedBug.ts";

const crash = "test/log/crash.test.ts";
const damage = "test/log/damage.test.ts";
const faults = "test/log/faults.test.ts";
const format = "test/log/format.test.ts";
const model = "test/modelBased/log.test.ts";
const recovery = "test/log/recovery.test.ts";
const topics = "test/log/topics.test.ts";

/** Bugs in what the log writes. */
export const ofWriting: readonly PlantedBug[] = [
  {
    name: "zeros that are written ahead make the file longer themselves",
    file: "backends/log/write/writeAhead.ts",
    find: "      await this.#file.truncate(from + size);\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "a commit is not brought to the disk",
    file: "backends/log/write/liveFile.ts",
    find: `this.#storage.open(this.#path, "writeThrough")`,
    replace: `this.#storage.open(this.#path, "write")`,
    tests: [crash],
  },
  {
    name: "a commit is answered before it is written",
    file: "backends/log/write/partitionWriter.ts",
    find: "await live.write(",
    replace: "void live.write(",
    tests: [crash],
  },
  {
    name: "what has gathered is answered with the commit before it",
    file: "backends/log/write/commitQueue.ts",
    find: "for (const { stored } of answered) stored();",
    replace: "for (const { stored } of [...answered, ...(hasMore ? taken : [])]) stored();",
    tests: [crash],
  },
  {
    name: "a new segment has its name before its header is on the disk",
    file: "backends/log/write/liveFile.ts",
    find: "  await writeAll(file, [encodeSegmentHeader(header)], 0);\n  await file.sync();",
    replace: "  await writeAll(file, [encodeSegmentHeader(header)], 0);",
    tests: [crash],
  },
  {
    name: "the name of a new segment is not brought to the disk",
    file: "backends/log/write/liveFile.ts",
    find: "      await storage.syncDirectory(directory);\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "a sealed segment is not brought to the disk",
    file: "backends/log/write/liveFile.ts",
    find: "      await writeAll(this.#file, [footer], length);\n      await this.#file.sync();",
    replace: "      await writeAll(this.#file, [footer], length);",
    tests: [crash],
  },
  {
    name: "the footer does not stand behind the last batch",
    file: "backends/log/write/liveFile.ts",
    find: "await writeAll(this.#file, [footer], length);",
    replace: "await writeAll(this.#file, [footer], length - 8);",
    tests: [recovery, crash],
  },
  {
    name: "the head is not brought to the disk",
    file: "backends/log/format/headFile.ts",
    find: "      await this.#file.sync();\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "the head is written to one place only",
    file: "backends/log/format/headFile.ts",
    find: "(generation % 2) * slotDistance",
    replace: "0",
    tests: [format],
  },
  {
    name: "the older of two heads counts",
    file: "backends/log/format/headFile.ts",
    find: "first.generation > second.generation",
    replace: "first.generation < second.generation",
    tests: [recovery, crash],
  },
  {
    name: "the head says what is not on the disk yet",
    file: "backends/log/write/partitionWriter.ts",
    find: "this.#head.write(this.segments.at(-1)!, this.#durable,",
    replace: "this.#head.write(this.segments.at(-1)!, this.segments.at(-1)!.end,",
    tests: [crash],
  },
  {
    name: "readers of other processes see what is not committed",
    file: "backends/log/readOnly/followedSegments.ts",
    find: "await live.follow(head.length)",
    replace: "await live.follow(await live.file.size())",
    tests: ["test/log/readOnly.test.ts"],
  },
  {
    name: "the checksums that a batch was given while it waited are those of its first block",
    file: "backends/log/write/partitionWriter.ts",
    find: "checksumsOf(batch.data, dataSizeOf(batch))",
    replace: "checksumsOf(batch.data, dataSizeOf(batch)).fill(0, 1)",
    tests: [model],
  },
  {
    name: "a segment is removed before the head stops missing it",
    file: "backends/log/write/partitionWriter.ts",
    find: "      await this.#writeHead(); // First",
    replace: "      // First",
    tests: [crash, topics],
  },
  {
    name: "batches claim that what is not on the disk is",
    file: "backends/log/write/partitionWriter.ts",
    find: "[this.#durable.endId, this.#head.epoch]",
    replace: "[segment.endId, this.#head.epoch]",
    tests: [crash],
  },
  {
    name: "the chain does not go on within a commit",
    file: "backends/log/write/partitionWriter.ts",
    find: "      chain = encoded.checksum;\n      number++;",
    replace: "      number++;",
    tests: [crash],
  },
  {
    name: "a number is given to two batches",
    file: "backends/log/write/partitionWriter.ts",
    find: "    segment.number++;\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "an id is given to two events",
    file: "backends/log/partition.ts",
    find: "this.#nextId += stored.count;",
    replace: "this.#nextId += 1;",
    tests: [model],
  },
  {
    name: "a failure of a write is forgotten",
    file: "backends/log/write/partitionWriter.ts",
    find: "this.#failure ??= writeFailed(this.#options.directory, cause);",
    replace:
      "const failure = writeFailed(this.#options.directory, cause);\n    this.#queue.fail(failure);\n    if (failure) return failure;",
    tests: [faults],
  },
  {
    name: "a sync of cursors that failed is tried again",
    file: "backends/log/cursorLog.ts",
    find: "if (this.#isSynced) await this.#file.sync();",
    replace: "if (this.#isSynced) await this.#file.sync().catch(() => this.#file!.sync());",
    tests: [faults],
  },
  {
    name: "what a short write has left is not written",
    file: "backends/log/storage/storage.ts",
    find: "if (written >= left) return;",
    replace: "if (written > 0) return;",
    tests: [faults],
  },
  {
    name: "zeros that are written ahead come over events",
    file: "backends/log/write/writeAhead.ts",
    find: "to > this.#running.from ? this.#running.done : undefined",
    replace: "to < 0 ? this.#running.done : undefined",
    tests: [crash],
  },
  {
    name: "after an end that was not in good order the old segment is written to",
    file: "backends/log/write/partitionWriter.ts",
    find: "return closed || length === segmentHeaderSize;",
    replace: "return closed || length > 0;",
    tests: [recovery],
  },
  {
    name: "a batch that is sent again is answered before it is stored",
    file: "backends/log/partition.ts",
    find: "    this.#writer.append({\n",
    replace:
      "    if (!isNew) {\n      subscriber.next(answer);\n      return subscriber.complete();\n    }\n    this.#writer.append({\n",
    tests: [crash, recovery, topics, faults],
  },
];

/** Bugs in what it reads. */
export const ofReading: readonly PlantedBug[] = [
  {
    name: "the checksum of a batch's header is not looked at",
    file: "backends/log/format/batchHeader.ts",
    find: "  if (crc32c(bytes.subarray(8, batchHeaderSize), seedOf(position)) !== checksum) return undefined;\n",
    replace: "",
    tests: [format],
  },
  {
    name: "a batch is read wherever it stands",
    file: "backends/log/format/batchHeader.ts",
    find: "return (position / alignment) >>> 0;",
    replace: "return (position / Infinity) >>> 0;",
    tests: [format],
  },
  {
    name: "a batch of another segment is read",
    file: "backends/log/format/batchHeader.ts",
    find: "  for (let i = 0; i < 8; i++) if (bytes[16 + i] !== tag[i]) return undefined;\n",
    replace: "",
    tests: [format],
  },
  {
    name: "the length of a batch is trusted beyond its file",
    file: "backends/log/format/batchHeader.ts",
    find: "lengthOf(header) <= room",
    replace: "room > 0",
    tests: [format],
  },
  {
    name: "the checksum of tables and metadata is not looked at",
    file: "backends/log/format/decodeBatchBody.ts",
    find: "  if (crc32c(bytes.subarray(batchHeaderSize)) !== header.bodyChecksum) return undefined;\n",
    replace: "",
    tests: [damage],
  },
  {
    name: "the checksum of data is not looked at when it is fetched",
    file: "backends/log/read/dataReader.ts",
    find: "at + block.length <= length && crc32c(block) === blockChecksums[index];",
    replace: "at + block.length <= length && blockChecksums[index] !== undefined;",
    tests: [damage],
  },
  {
    name: "the chain is not looked at",
    file: "backends/log/segments/scanSegment.ts",
    find: "(chain ?? header.chain) === header.chain",
    replace: "(chain ?? header.chain) >= 0",
    tests: [damage],
  },
  {
    name: "a gap hides what is intact behind it",
    file: "backends/log/read/segmentReader.ts",
    find: "current >= each.offset && current < each.end",
    replace: "current === each.offset",
    tests: [damage, "test/log/verify.test.ts"],
  },
  {
    name: "an index points behind what is looked for",
    file: "backends/log/segments/sparseIndex.ts",
    find: "(i) => this.#ids[i]! <= id)",
    replace: "(i) => this.#ids[i]! <= id + 1)",
    tests: [topics, model],
  },
  {
    name: "another version of the format is read",
    file: "backends/log/format/segmentHeader.ts",
    find: "  if (version !== formatVersion) return { version };\n",
    replace: "",
    tests: [recovery],
  },
];

/** Bugs in how it is brought into order. */
export const ofRecovery: readonly PlantedBug[] = [
  {
    name: "a torn tail is cut off in front of its beginning",
    file: "backends/log/recovery/repairTail.ts",
    find: "await writable.truncate(from);",
    replace: "await writable.truncate(from - 8);",
    tests: [recovery],
  },
  {
    name: "a torn tail is not set aside",
    file: "backends/log/recovery/repairTail.ts",
    find: "  await replaceFile(storage, quarantine, `${file}-${from}`, bytes);\n",
    replace: "",
    tests: [recovery],
  },
  {
    name: "what only the system remembers is not written again",
    file: "backends/log/recovery/repairTail.ts",
    find: "      await writeAll(file, [bytes], at);\n",
    replace: "",
    tests: [crash],
  },
  {
    name: "a log that has lost its end in good order is clean",
    file: "backends/log/recovery/liveSegment.ts",
    find: '    if (provenId > scan.id)\n      found.worsen("truncated"',
    replace: '    if (provenId < 0)\n      found.worsen("truncated"',
    tests: [damage, recovery],
  },
  {
    name: "a log that was not closed is opened without a look at its data",
    file: "backends/log/recovery/liveSegment.ts",
    find: `await look(isClosed ? "metadata" : "everything")`,
    replace: `await look("metadata")`,
    tests: [recovery],
  },
  {
    name: "damage in what was stored is taken for a torn tail",
    file: "backends/log/recovery/liveSegment.ts",
    find: `if (provenId <= first.fromId && found.outcome === "clean") return first.offset;`,
    replace: `if (found.outcome === "clean") return first.offset;`,
    tests: [damage, recovery],
  },
  {
    name: "behind a lost header, what is intact is taken for a torn tail",
    file: "backends/log/recovery/liveSegment.ts",
    find: `if (provenId <= first.fromId && found.outcome === "clean") return first.offset;`,
    replace: `if (provenId <= first.fromId) return first.offset;`,
    tests: [damage],
  },
  {
    name: "a missing segment is not missed",
    file: "backends/log/recovery/openSegments.ts",
    find: 'found.worsen("corrupt", { ...nothingOf(ordinal), reason: "The segment is missing" });',
    replace: "",
    tests: [recovery],
  },
  {
    name: "producers are forgotten when a log is opened",
    file: "backends/log/recovery/sealedSegments.ts",
    find: "      producers.restore(footer.producers);\n",
    replace: "",
    tests: [recovery, model],
  },
  {
    name: "producers are forgotten when what they sent is dropped",
    file: "backends/log/partition.ts",
    find: "const keptSegments = 2;",
    replace: "const keptSegments = 1;",
    tests: [recovery],
  },
];
