import { Ajv } from "ajv";
import test from "ava";
import { checkConfig } from "../../../cli/service/checkConfig.ts";
import { configSchema } from "../../../cli/service/configSchema.ts";
import { isObject, type JsonValue } from "../../../cli/dottedOptions.ts";

const compiled = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(configSchema);

function isAccepted(config: JsonValue): boolean {
  try {
    checkConfig(config, configSchema);
    return true;
  } catch {
    return false;
  }
}

const whole = {
  $schema: "x",
  backends: {
    a: { type: "memory" },
    b: {
      type: "log",
      path: "p",
      durability: "os",
      encryption: { keyId: "k", keys: "d" },
      segmentBytes: 1,
      options: { x: 1 },
    },
    c: { type: "kafka", url: "kafka://h" },
  },
  topics: [{ match: "a*", backend: "a" }],
  create: [
    {
      name: "t",
      partitions: 2,
      validator: { type: "json-schema", schema: {} },
      retention: { maxAge: 1, acknowledgedBy: ["c"] },
    },
  ],
  listeners: [
    { type: "tcp", host: "::1", port: 0 },
    { type: "unix", path: "s" },
    { type: "websocket", page: true },
  ],
  tls: { cert: "c", key: "k", ca: "a" },
  tokens: [{ user: "u", hash: `sha256:${"0".repeat(64)}` }],
  access: [{ users: ["u"], topics: ["*"], allow: ["admin"], deny: ["publish"] }],
  origins: ["https://example.org"],
  limits: { connections: 1 },
  leaseTime: 0,
  heartbeat: 1,
  groupFile: "g",
  log: { level: "debug", format: "json" },
};

test("checkConfig() agrees with a JSON Schema validator, on what is right and on every value made wrong", (t) => {
  t.true(isAccepted(whole));
  t.true(compiled(whole), JSON.stringify(compiled.errors));
  let tried = 0;
  for (const wrong of [null, 1.5, -1, "wrong", true, [], {}, { extra: 1 }]) {
    for (const changed of changes(whole, wrong)) {
      tried++;
      t.is(isAccepted(changed), compiled(changed), JSON.stringify(changed));
    }
  }
  t.true(tried > 300);
});

/** The value with each of its parts replaced, one at a time. */
function* changes(value: JsonValue, by: JsonValue): Generator<JsonValue> {
  yield by;
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries<JsonValue>(value)) {
    for (const changed of changes(each, by)) {
      yield isObject(value) ? { ...value, [key]: changed } : value.with(Number(key), changed);
    }
  }
  if (isObject(value)) yield { ...value, unheardOf: by };
}
