import test from "ava";
import { SluiceError } from "../../../src/model/errors.ts";
import { byKey, type ByKeyOptions } from "../../../src/model/partitionSelectors/byKey.ts";
import { murmur2 } from "../../../src/model/partitionSelectors/murmur2.ts";

const seven = Array.from({ length: 7 }, (_, partition) => ({ partition }));

function select(key: string, metadata: unknown, options?: ByKeyOptions): unknown {
  return byKey(key, options).start()(metadata, seven, undefined);
}

test("byKey() follows the rule of Kafka's default partitioner", (t) => {
  for (const key of ["21", "foobar", "abc", "é", "", "x".repeat(1000)]) {
    const expected = (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % 7;
    t.is(select("detector", { detector: key }), expected, key);
  }
  t.is(select("detector", { detector: "foobar" }), (-790332482 & 0x7fffffff) % 7);
});

test("byKey() finds the key by the name of a field or by a JSON pointer", (t) => {
  const expected = select("", "foobar");

  t.is(select("run", { run: "foobar" }), expected);
  t.is(select("/run/a~1b", { run: { "a/b": "foobar" } }), expected);
  t.is(select("a.b", { "a.b": "foobar" }), expected);
});

test("byKey() takes numbers and booleans by their JSON text", (t) => {
  t.is(select("k", { k: 7 }), select("k", { k: "7" }));
  t.is(select("k", { k: -0 }), select("k", { k: "0" }));
  t.is(select("k", { k: true }), select("k", { k: "true" }));
});

test("byKey() honours a requested partition, without a look at the key", (t) => {
  const selection = byKey("k").start();

  t.is(selection({}, seven, 6), 6);
  t.throws(() => selection({}, seven, 7), { code: "ERR_INVALID_PARTITION" });
});

test("byKey() fails without a key, and names the path", (t) => {
  for (const metadata of [{}, { run: { id: null } }, { run: 7 }, undefined, { run: Object.create({ id: 7 }) }]) {
    const error = t.throws(() => select("/run/id", metadata), { instanceOf: SluiceError });
    t.is(error.code, "ERR_COMPONENT");
    t.deepEqual(error.details, { path: "/run/id" });
    t.is(error.message, "The partition key at /run/id is missing");
  }
  t.throws(() => select("__proto__", {}), { code: "ERR_COMPONENT" });
});

test("byKey() refuses a key that is no text, number or boolean", (t) => {
  for (const k of [{}, [1], Number.NaN, Number.POSITIVE_INFINITY, 7n]) {
    t.throws(() => select("k", { k }), {
      code: "ERR_COMPONENT",
      message: /at \/k must be a string, a finite number or a boolean/,
    });
  }
});

test("byKey() gives events without a key their turn when asked to", (t) => {
  const selector = byKey("k", { missing: "round-robin" });
  const selection = selector.start();

  t.deepEqual(
    [1, 2, 3].map(() => selection({}, seven, undefined)),
    [0, 1, 2],
  );
  t.is(selection({ k: "foobar" }, seven, undefined), select("k", { k: "foobar" }) as number);
  t.throws(() => selection({ k: {} }, seven, undefined), { code: "ERR_COMPONENT" });
  t.deepEqual(selector.spec, { type: "by-key", key: "k", missing: "round-robin" });
  t.deepEqual(byKey("k").spec, { type: "by-key", key: "k" });
});

test("byKey() checks its arguments and the number of partitions", (t) => {
  t.throws(() => byKey(7 as never), { instanceOf: TypeError, message: /'key' must be a string/ });
  t.throws(() => byKey("k", { missing: "drop" as never }), {
    instanceOf: RangeError,
    message: /'missing' must be one of/,
  });
  t.throws(() => byKey("k").start()({ k: 1 }, [], undefined), { code: "ERR_INVALID_PARTITION" });
});
