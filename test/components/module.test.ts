import test from "ava";
import { EventData } from "../../src/model/data.ts";
import { SluiceError } from "../../src/model/errors.ts";
import {
  loadModule,
  loadPartitionSelectorModule,
  loadSerializerModule,
  loadValidatorModule,
  parseModuleType,
} from "../../src/components/module.ts";

const baseUrl = new URL("../fixtures/components/", import.meta.url);
const three = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];

test("parseModuleType() splits at the first colon", (t) => {
  t.deepEqual(parseModuleType("check:./a.js"), { name: "check", path: "./a.js" });
  t.deepEqual(parseModuleType("default:file:///a:b.js"), { name: "default", path: "file:///a:b.js" });
  t.deepEqual(parseModuleType("$é_1:C:\\a.js"), { name: "$é_1", path: "C:\\a.js" });
});

for (const type of ["", "check", ":./a.js", "check:", "a-b:./a.js", "1a:./a.js", "a b:./a.js"]) {
  test(`parseModuleType() refuses "${type}"`, (t) => {
    const error = t.throws(() => parseModuleType(type), { instanceOf: SluiceError });

    t.is(error.code, "ERR_COMPONENT");
    t.deepEqual(error.details, { type, reason: "malformed" });
  });
}

test("loadModule() calls the export with the configuration and waits for it", async (t) => {
  const seen: unknown[] = [];
  const factory = async (config: unknown): Promise<string> => {
    seen.push(config);
    return "made";
  };
  const importModule = async (url: string): Promise<object> => {
    seen.push(url);
    return { factory };
  };

  t.is(await loadModule({ type: "factory:./m.js", max: 7 }, { baseUrl: "https://host/app/", importModule }), "made");
  t.deepEqual(seen, ["https://host/app/m.js", { max: 7 }]);
});

test("loadModule() finds modules beside the working directory, by path and by file URL", async (t) => {
  const spec = (path: string): { type: string } => ({ type: `nothing:${path}` });

  await t.notThrowsAsync(loadModule(spec("./test/fixtures/components/good.js")));
  await t.notThrowsAsync(loadModule(spec(new URL("good.js", baseUrl).pathname)));
  await t.notThrowsAsync(loadModule(spec(new URL("good.js", baseUrl).href)));
  await t.notThrowsAsync(loadModule(spec("./good.js"), { baseUrl: baseUrl.pathname }));
});

test("loadValidatorModule() takes a function, or an object with validate", async (t) => {
  const limit = await loadValidatorModule({ type: "limit:./good.js", max: 7 }, { baseUrl });
  const doubling = await loadValidatorModule({ type: "doubling:./good.js" }, { baseUrl });
  const silent = await loadValidatorModule({ type: "silent:./good.js" }, { baseUrl });
  const standard = await loadValidatorModule({ type: "default:./good.js" }, { baseUrl });

  t.deepEqual(limit.validate({ energy: 7 }, EventData.empty), { energy: 7 });
  const error = t.throws(() => limit.validate({ energy: 8 }, EventData.empty), { instanceOf: SluiceError });
  t.is(error.code, "ERR_INVALID_METADATA");
  t.is(error.details["rule"], "more than 7");
  t.deepEqual(limit.spec, { type: "limit:./good.js", max: 7 });
  t.deepEqual(doubling.validate({ energy: 7 }, EventData.empty), { energy: 14 });
  t.deepEqual(await silent.validate({ energy: 7 }, EventData.empty), { energy: 7 });
  t.is(standard.validate({}, EventData.empty), "from the default export");
});

test("loadPartitionSelectorModule() takes a function, or an object with select or start", async (t) => {
  const last = await loadPartitionSelectorModule({ type: "last:./good.js" }, { baseUrl });
  const selecting = await loadPartitionSelectorModule({ type: "selecting:./good.js" }, { baseUrl });
  const starting = await loadPartitionSelectorModule({ type: "starting:./good.js", from: 1 }, { baseUrl });
  const select = starting.start();

  t.is(last.start()({}, three, undefined), 2);
  t.is(selecting.start()({}, three, undefined), 1);
  t.is(select({}, three, undefined), 1);
  t.is(select({}, three, undefined), 2);
  t.throws(() => select({}, three, undefined), { code: "ERR_INVALID_PARTITION" });
  t.throws(() => select({}, three, 3), { code: "ERR_INVALID_PARTITION" });
  t.is(starting.start()({}, three, undefined), 1);
});

test("loadSerializerModule() takes an object with both functions and a form", async (t) => {
  const hex = await loadSerializerModule({ type: "hex:./good.js" }, { baseUrl });

  t.is(hex.form, "text");
  t.is(hex.serialize(255), "ff");
  t.throws(() => hex.serialize(null), { code: "ERR_SERIALIZATION" });
  t.deepEqual(hex.spec, { type: "hex:./good.js" });
});

const failures: [type: string, reason: string, message: RegExp][] = [
  ["limit:./missing.js", "not-found", /\.\/missing\.js cannot be used: .*missing\.js/],
  ["limit:./broken.js", "failed", /broken at the top/],
  ["limits:./good.js", "no-export", /does not export "limits", only .*limit/],
  ["toString:./good.js", "no-export", /does not export "toString"/],
  ["constant:./good.js", "not-a-function", /"constant" must be a function: current value is 7/],
  ["throwing:./good.js", "failed", /"throwing" threw: no detector/],
  ["Checker:./good.js", "failed", /"Checker" threw: /],
  ["nothing:./good.js", "wrong-shape", /"nothing" must return .*: current value is undefined/],
  ["formless:./good.js", "wrong-shape", /"formless" must return/],
  ["limit:good.js", "malformed", /relative or absolute path/],
  ["limit:node:fs", "malformed", /relative or absolute path/],
  ["limit:https://elsewhere/x.js", "malformed", /relative or absolute path/],
  ["limit:data:text/javascript,0", "malformed", /relative or absolute path/],
  ["limit://elsewhere/x.js", "malformed", /relative or absolute path/],
  ["limit:/\\elsewhere/x.js", "malformed", /relative or absolute path/],
];

for (const [type, reason, message] of failures) {
  test(`loadValidatorModule() and its like say what is wrong with ${type}`, async (t) => {
    const load = type.startsWith("formless") ? loadSerializerModule : loadValidatorModule;
    const error = await t.throwsAsync(load({ type }, { baseUrl }), { instanceOf: SluiceError, message });

    t.is(error?.code, "ERR_COMPONENT");
    t.deepEqual(error?.details, { path: parseModuleType(type).path, reason });
  });
}
