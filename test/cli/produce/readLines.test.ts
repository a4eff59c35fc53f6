import test from "ava";
import { readLines } from "../../../cli/produce/readLines.ts";

async function linesOf(chunks: readonly Uint8Array[], maxBytes?: number) {
  const source = (async function* () {
    yield* chunks;
  })();
  const lines = [];
  for await (const line of readLines(source, { source: "-", maxBytes })) lines.push(line);
  return lines;
}

const text = (line: { readonly bytes: Uint8Array }) => Buffer.from(line.bytes).toString();

test("readLines() finds the same lines wherever the chunks are cut", async (t) => {
  const bytes = Buffer.from(`one\r\ntwo\n\nthree é\nfour`);
  const expected = ["one", "two", "", "three é", "four"];
  t.deepEqual((await linesOf([bytes])).map(text), expected);
  for (let at = 0; at <= bytes.length; at++) {
    t.deepEqual((await linesOf([bytes.subarray(0, at), bytes.subarray(at)])).map(text), expected, `cut at ${at}`);
  }
  const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  t.deepEqual((await linesOf(single)).map(text), expected);
  t.deepEqual(
    (await linesOf(single)).map(({ number }) => number),
    [1, 2, 3, 4, 5],
  );
  t.deepEqual(await linesOf([]), []);
});

test("readLines() keeps no more of a line that is too long than it may", async (t) => {
  const chunk = new Uint8Array(1 << 20).fill(0x61);
  const [long, next] = await linesOf([...Array.from({ length: 64 }, () => chunk), Buffer.from("\nnext\n")], 1 << 20);
  t.regex(long!.problem ?? "", /longer than 1048576 bytes/);
  t.is(long!.bytes.length, 1 << 20);
  t.true(long!.bytes.buffer.byteLength <= 2 << 20, "what is beyond is counted, not kept");
  t.is(text(next!), "next");
});
