import test from "ava";
import { firstValueFrom, from, lastValueFrom } from "rxjs";
import { isSluiceError, type Backend } from "sluice";
import { memoryBackend } from "sluice/backends/memory";
import { composeBackends } from "../../../cli/service/composeBackends.ts";

const spec = { type: "json" };
const config = { partitions: 1, components: { validator: spec, partitionSelector: spec, serializer: spec } };
const open = (backend: Backend, name: string) => firstValueFrom(from(backend.openTopic(name)));
const create = (backend: Backend, name: string) => firstValueFrom(from(backend.createTopic(name, config)));
const list = async (backend: Backend) => [...(await firstValueFrom(from(backend.listTopics())))].toSorted();

function twoParts() {
  const [one, two] = [memoryBackend(), memoryBackend()];
  const parts = new Map<string, Backend>([
    ["one", one],
    ["two", two],
  ]);
  return { one, two, both: composeBackends(parts, [{ match: "run-*", backend: "two" }]) };
}

test("a new topic goes where the first rule that matches says, or to the first backend", async (t) => {
  const { one, two, both } = twoParts();
  await create(both, "run-1");
  await create(both, "other");
  t.deepEqual([await list(one), await list(two), await list(both)], [["other"], ["run-1"], ["other", "run-1"]]);
  t.deepEqual([both.placeOf("run-1"), both.placeOf("other"), both.placeOf("none")], ["two", "one", undefined]);
});

test("a topic is found wherever it is, and its name is taken everywhere", async (t) => {
  const { one, two, both } = twoParts();
  await create(one, "run-0"); // From before there was a rule.
  t.is((await open(both, "run-0")).name, "run-0");
  t.is(both.placeOf("run-0"), "one");
  const error = await t.throwsAsync(create(both, "run-0"));
  t.true(isSluiceError(error, "ERR_TOPIC_EXISTS"));
  t.deepEqual(await list(two), []);
  await lastValueFrom(from(both.deleteTopic("run-0")), { defaultValue: undefined });
  t.true(isSluiceError(await t.throwsAsync(open(both, "run-0")), "ERR_TOPIC_NOT_FOUND"));
  await create(both, "run-0");
  t.deepEqual(await list(two), ["run-0"]);
});

test("it can do what all of its parts can", (t) => {
  const weak = { ...memoryBackend(), capabilities: { ...memoryBackend().capabilities, seal: false } };
  const strong = { ...memoryBackend(), capabilities: { ...memoryBackend().capabilities, durability: "disk" as const } };
  const { capabilities } = composeBackends(
    new Map([
      ["strong", strong],
      ["weak", weak],
    ]),
  );
  t.like(capabilities, { durability: "memory", seal: false, groups: true });
  t.throws(() => composeBackends(new Map()), { instanceOf: RangeError });
});
