import { readFile, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import test from "ava";
import { memoryBackend } from "../../backends/memory/index.ts";
import { encodeAppend } from "../../backends/service/protocol/appendCodec.ts";
import { encodeJson } from "../../backends/service/protocol/boundedJson.ts";
import { encodeFetch } from "../../backends/service/protocol/fetchCodec.ts";
import { messageTypes } from "../../backends/service/protocol/frame.ts";
import { FrameDecoder } from "../../backends/service/protocol/frameDecoder.ts";
import { encodeHello } from "../../backends/service/protocol/handshake.ts";
import { encodeNumbers } from "../../backends/service/protocol/leaseCodec.ts";
import { encodeRead } from "../../backends/service/protocol/readCodec.ts";
import { encodeTransact } from "../../backends/service/protocol/transactCodec.ts";
import type { Capabilities } from "../../src/index.ts";
import { framesOf } from "./frames.ts";
import { portOf, served, until } from "./served.ts";

const file = new URL("./golden/version-1.txt", import.meta.url);
const spec = (type: string) => ({ type });
const config = {
  partitions: 2,
  components: { validator: spec("accept-all"), partitionSelector: spec("round-robin"), serializer: spec("json") },
};
const batch = {
  count: 2,
  metadata: Buffer.from('{"n":1}{"n":22}'),
  metadataEnds: Uint32Array.of(7, 15),
  timestamps: Float64Array.of(1e12, 1e12 + 1),
  data: [Buffer.from("abc"), Buffer.from("defgh")],
  dataEnds: Float64Array.of(3, 8),
  producer: { id: "app/1", sequence: 0 },
};
const reads = [{ id: 1, location: undefined, ranges: Float64Array.of(1, 2, 4, 1) }];

/** Spelled out here, so that the transcript does not change when backends learn something. */
const capabilities: Capabilities = {
  durability: "memory",
  persistent: false,
  contiguousIds: true,
  idempotent: true,
  groups: true,
  seal: true,
  addPartitions: true,
  findByTime: true,
  partialData: true,
};

/** What the client says, one exchange after the other, and how many messages come back. */
const conversation: readonly (readonly [what: string, bytes: Uint8Array, answers: number])[] = [
  [
    "hello",
    framesOf(
      messageTypes.hello,
      0,
      encodeHello({ session: "0123456789abcdef0123456789abcdef", again: false, joins: [] }),
    ),
    1,
  ],
  ["create", framesOf(messageTypes.request, 1, [encodeJson({ op: "create", topic: "numbers", config })]), 1],
  ["list", framesOf(messageTypes.request, 2, [encodeJson({ op: "list" })]), 1],
  ["attach", framesOf(messageTypes.attach, 0, [encodeJson({ handle: 1, topic: "numbers", incarnation: 1 })]), 0],
  ["append", framesOf(messageTypes.append, 3, encodeAppend({ handle: 1, partition: 0, batch })), 1],
  ["append again", framesOf(messageTypes.append, 3, encodeAppend({ handle: 1, partition: 0, batch }), 1), 1],
  ["bounds", framesOf(messageTypes.request, 4, [encodeJson({ op: "bounds", handle: 1, partition: 0 })]), 1],
  [
    "read",
    framesOf(
      messageTypes.read,
      5,
      encodeRead({ handle: 1, partition: 0, position: 0, limits: { maxEvents: 10, maxBytes: 1000 } }),
    ),
    1,
  ],
  ["fetch", framesOf(messageTypes.fetch, 6, encodeFetch({ handle: 1, partition: 0, reads })), 2],
  [
    "a partition that is not there",
    framesOf(
      messageTypes.read,
      7,
      encodeRead({ handle: 1, partition: 9, position: 0, limits: { maxEvents: 1, maxBytes: 1 } }),
    ),
    1,
  ],
  ["an unknown lease", framesOf(messageTypes.acknowledge, 8, encodeNumbers(5, 1)), 1],
  [
    "a transaction under an unknown lease",
    framesOf(
      messageTypes.transact,
      12,
      encodeTransact({ lease: 5, position: 1, appends: [{ handle: 1, partition: 1, batch }] }),
    ),
    1,
  ],
  ["seal", framesOf(messageTypes.request, 9, [encodeJson({ op: "seal", handle: 1 })]), 1],
  [
    "read at the end",
    framesOf(
      messageTypes.read,
      10,
      encodeRead({ handle: 1, partition: 0, position: 2, limits: { maxEvents: 1, maxBytes: 1 } }),
    ),
    1,
  ],
  [
    "add a partition",
    framesOf(messageTypes.request, 11, [encodeJson({ op: "addPartitions", handle: 1, count: 1 })]),
    2,
  ],
  ["ping", framesOf(messageTypes.ping, 0, []), 1],
];

test("a conversation goes as it always went: the golden transcript of version 1", async (t) => {
  const backend = { ...memoryBackend(), capabilities };
  const service = await served(t, { backend });
  const socket = dial(portOf(service.addresses[0]!), "127.0.0.1");
  t.teardown(() => void socket.destroy());
  let chunks: Uint8Array[] = [];
  let messages = 0;
  const decoder = new FrameDecoder({ message: () => messages++, admit: () => {} });
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    decoder.push(chunk);
  });
  const lines: string[] = [];
  for (const [what, bytes, answers] of conversation) {
    chunks = [];
    messages = 0;
    socket.write(bytes);
    await until(() => messages >= answers);
    // The name of the service's run is random; in the transcript it is all zeros.
    const answer = Buffer.concat(chunks)
      .toString("latin1")
      .replace(/("service":")[0-9a-f]{16}/, "$10000000000000000");
    lines.push(
      `# ${what}`,
      `> ${Buffer.from(bytes).toString("hex")}`,
      `< ${Buffer.from(answer, "latin1").toString("hex")}`,
    );
  }
  const transcript = `${lines.join("\n")}\n`;
  if (process.env["SLUICE_WRITE_GOLDEN"] !== undefined) await writeFile(file, transcript);

  t.deepEqual(transcript.split("\n"), (await readFile(file, "utf8")).split("\n"));
});
