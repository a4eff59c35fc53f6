import type { PlantedBug } from "./plantedBug.ts";

/** Bugs of memory that is used again: of the service, and of what was fetched from Kafka. */
export const ofMovedData: readonly PlantedBug[] = [
  {
    name: "memory of a batch that was not stored is used again",
    file: "backends/service/server/answerMessage.ts",
    find: '"value" in outcome && batch.metadata.buffer',
    replace: "batch.metadata.buffer",
    tests: ["test/service/reusedMemory.test.ts"],
  },
  {
    name: "memory that the backend keeps is used again",
    file: "backends/service/server/answerMessage.ts",
    find: '"value" in outcome && batch.metadata.buffer !== body.buffer',
    replace: '"value" in outcome',
    tests: ["test/service/reusedMemory.test.ts"],
  },
  {
    name: "memory is used again before its bytes have gone",
    file: "backends/service/server/answerFetch.ts",
    find: "exchange.send(stream, messageTypes.bytes, segments.flat(), gone)",
    replace: "(exchange.send(stream, messageTypes.bytes, segments.flat()), gone?.())",
    tests: ["test/service/reusedMemory.test.ts"],
  },
  {
    name: "bytes that never went are told as gone",
    file: "backends/service/transport/socketWire.ts",
    find: "error ?? gone()",
    replace: "gone()",
    tests: ["test/service/wires.test.ts"],
  },
  {
    name: "metadata is moved over data that came with it",
    file: "backends/kafka/records/readFetched.ts",
    find: "data !== undefined || !this.#mayMove",
    replace: "!this.#mayMove",
    tests: ["test/kafka/readFetched.test.ts"],
  },
  {
    name: "metadata is moved over records that are still to be read",
    file: "backends/kafka/records/readFetched.ts",
    find: "!this.#mayMove(metadata, metadataStart, metadataEnd)",
    replace: "false",
    tests: ["test/kafka/readFetched.test.ts"],
  },
  {
    name: "what was cut off is fetched again and again",
    file: "backends/kafka/records/fetchSize.ts",
    find: "Math.max(this.#bytes, needed)",
    replace: "Math.max(this.#bytes, 0 * needed)",
    tests: ["test/kafka/fetchSize.test.ts"],
  },
];
