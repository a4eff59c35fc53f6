import test from "ava";
import { murmur2 } from "../../../src/model/partitionSelectors/murmur2.ts";

/** From the tests of Kafka's own Java client, and of librdkafka and Akka, which follow it. */
const known: [key: string, hash: number][] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
  ["1", -1993445489],
  ["12", 126087238],
  ["123", -267702483],
  ["1234", -1614185708],
  ["12345", -1188365604],
  ["kafka", -798503068],
];

test("murmur2() agrees with Kafka", (t) => {
  for (const [key, hash] of known) t.is(murmur2(new TextEncoder().encode(key)), hash, key);
});

test("murmur2() hashes as many bytes as it is told to", (t) => {
  t.is(murmur2(new TextEncoder().encode("foobarbaz"), 6), -790332482);
});
