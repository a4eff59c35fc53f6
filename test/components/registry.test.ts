import test from "ava";
import { factoryOf, knownTypes, registerComponent } from "../../src/components/registry.ts";

test("registerComponent() adds a type until it is removed", (t) => {
  const factory = (): (() => void) => () => {};
  const remove = registerComponent("validator", "acme", factory);

  t.is(factoryOf("validator", "acme"), factory);
  t.is(factoryOf("serializer", "acme"), undefined);
  t.throws(() => registerComponent("validator", "acme", factory), {
    instanceOf: RangeError,
    message: /not taken: .*"acme"/,
  });
  remove();
  t.is(factoryOf("validator", "acme"), undefined);
});

test("registerComponent() removes its own factory only", (t) => {
  const removeFirst = registerComponent("serializer", "acme-two", () => {});
  removeFirst();
  const removeSecond = registerComponent("serializer", "acme-two", () => {});
  removeFirst();

  t.truthy(factoryOf("serializer", "acme-two"));
  removeSecond();
});

test("registerComponent() refuses names that mean something else", (t) => {
  for (const type of ["function", "object", "null", "json-schema", "a:./b.js", ""]) {
    t.throws(() => registerComponent("validator", type, () => {}), { instanceOf: RangeError }, type);
  }
  t.throws(() => registerComponent("validator", 7 as never, () => {}), { instanceOf: TypeError });
  t.throws(() => registerComponent("validator", "x", 7 as never), { instanceOf: TypeError });
  t.throws(() => registerComponent("sink" as never, "x", () => {}), { instanceOf: RangeError });
});

test("knownTypes() lists the built-in components of a kind", (t) => {
  t.deepEqual(knownTypes("validator").slice(0, 3), ["accept-all", "event-pattern", "json-schema"]);
  t.deepEqual(knownTypes("partitionSelector").slice(0, 2), ["round-robin", "by-key"]);
  t.deepEqual(knownTypes("serializer").slice(0, 4), ["json", "text", "packed", "cbor"]);
});
