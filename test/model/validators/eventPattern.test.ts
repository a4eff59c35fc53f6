import test from "ava";
import { EventData } from "../../../src/model/data.ts";
import { SluiceError } from "../../../src/model/errors.ts";
import { eventPattern } from "../../../src/model/validators/eventPattern.ts";
import type { EventPattern } from "../../../src/model/validators/patternTypes.ts";

/** The event of EventBridge's documentation. */
const sample = {
  version: "0",
  id: "ddddd4-aaaa-7777-4444-345dd43cc333",
  "detail-type": "EC2 Instance State-change Notification",
  source: "aws.ec2",
  account: "012345679012",
  time: "2017-10-02T16:24:49Z",
  region: "us-east-1",
  resources: ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
  detail: {
    "c-count": 5,
    "d-count": 3,
    "x-limit": 301.8,
    "source-ip": "10.0.0.33",
    "instance-id": "i-000000aaaaaa00000",
    state: "running",
  },
};

/** Each pattern matches the sample. They are those of EventBridge's documentation, operator by operator. */
const matching: Record<string, EventPattern> = {
  "exact values": {
    "detail-type": ["EC2 Instance State-change Notification"],
    resources: ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
    detail: { state: ["initializing", "running"] },
  },
  prefix: { time: [{ prefix: "2017-10-02" }] },
  "prefix, empty": { source: [{ prefix: "" }] },
  "prefix, ignoring case": { source: [{ prefix: { "equals-ignore-case": "AWS." } }] },
  suffix: { source: [{ suffix: "ec2" }] },
  "suffix, empty": { source: [{ suffix: "" }] },
  "suffix, ignoring case": { source: [{ suffix: { "equals-ignore-case": "EC2" } }] },
  "equals-ignore-case": { source: [{ "equals-ignore-case": "AWS.EC2" }] },
  wildcard: { resources: [{ wildcard: "arn:aws:ec2:*:instance/*" }] },
  "anything-but, a text": { detail: { state: [{ "anything-but": "initializing" }] } },
  "anything-but, a number": { detail: { "x-limit": [{ "anything-but": 123 }] } },
  "anything-but, zero": { detail: { "x-limit": [{ "anything-but": 0 }] } },
  "anything-but, texts": { detail: { state: [{ "anything-but": ["stopped", "overloaded"] }] } },
  "anything-but, numbers": { detail: { "x-limit": [{ "anything-but": [100, 200, 300] }] } },
  "anything-but, a prefix": { detail: { state: [{ "anything-but": { prefix: "init" } }] } },
  "anything-but, prefixes": { detail: { state: [{ "anything-but": { prefix: ["init", "error"] } }] } },
  "anything-but, a prefix, of a number": { detail: { "c-count": [{ "anything-but": { prefix: "init" } }] } },
  "anything-but, a suffix": { detail: { "instance-id": [{ "anything-but": { suffix: "1234" } }] } },
  "anything-but, suffixes": { detail: { "instance-id": [{ "anything-but": { suffix: ["1234", "6789"] } }] } },
  "anything-but, ignoring case": { detail: { state: [{ "anything-but": { "equals-ignore-case": ["Stopped"] } }] } },
  "anything-but, a wildcard": { detail: { state: [{ "anything-but": { wildcard: "*/bin/*.jar" } }] } },
  "anything-but, an empty wildcard": { detail: { state: [{ "anything-but": { wildcard: "" } }] } },
  "anything-but, wildcards": { detail: { state: [{ "anything-but": { wildcard: ["*/bin/*.jar", "r*k"] } }] } },
  numeric: {
    detail: {
      "c-count": [{ numeric: [">", 0, "<=", 5] }],
      "d-count": [{ numeric: ["<", 10] }],
      "x-limit": [{ numeric: ["=", 3.018e2] }],
    },
  },
  cidr: { detail: { "source-ip": [{ cidr: "10.0.0.0/24" }] } },
  "exists, a field that is there": { detail: { "c-count": [{ exists: true }] } },
  "exists, a field that is not": { detail: { "e-count": [{ exists: false }] } },
  "exists, an object is no value": { detail: [{ exists: false }] },
  "exists, a field of a missing object": { nothing: { here: [{ "anything-but": "x" }, { exists: false }] } },
  "several alternatives": { detail: { state: [{ prefix: "init" }, "stopped", { suffix: "ing" }] } },
  "$or at the top": {
    source: ["aws.ec2"],
    $or: [{ region: ["eu-west-1"] }, { account: [{ prefix: "0" }] }],
  },
  "$or in a nested object": {
    detail: {
      $or: [{ "c-count": [{ numeric: [">", 5] }] }, { "d-count": [{ numeric: ["<", 10] }] }, { "x-limit": [0] }],
    },
  },
  "$or inside $or": {
    $or: [{ region: ["eu"] }, { source: ["aws.ec2"], $or: [{ version: ["1"] }, { detail: { "d-count": [3] } }] }],
  },
  "all of it together": {
    time: [{ prefix: "2017-10-02" }],
    detail: {
      state: [{ "anything-but": "initializing" }],
      "c-count": [{ numeric: [">", 0, "<=", 5] }],
      "d-count": [{ numeric: ["<", 10] }],
      "x-limit": [{ "anything-but": [100, 200, 300] }],
      "source-ip": [{ cidr: "10.0.0.0/8" }],
    },
  },
};

for (const [name, pattern] of Object.entries(matching)) {
  test(`eventPattern() accepts by ${name}`, (t) => {
    const validator = eventPattern(pattern);

    t.is(validator.validate(sample, EventData.empty), sample);
    t.deepEqual(validator.spec, { type: "event-pattern", pattern });
  });
}

/** Each pattern is broken by the sample at one place. */
const broken: [name: string, pattern: EventPattern, path: string, rule: string][] = [
  ["a value", { source: ["aws.s3", "aws.sqs"] }, "/source", '"aws.s3" or "aws.sqs"'],
  ["a value of another type", { version: [0, false, null] }, "/version", "0 or false or null"],
  ["a value in another case", { source: ["AWS.EC2"] }, "/source", '"AWS.EC2"'],
  ["a name in another case", { Source: ["aws.ec2"] }, "/Source", '"aws.ec2"'],
  ["a prefix", { time: [{ prefix: "2018" }] }, "/time", 'prefix: "2018"'],
  ["a prefix of a number", { detail: { "c-count": [{ prefix: "5" }] } }, "/detail/c-count", 'prefix: "5"'],
  [
    "a suffix",
    { source: [{ suffix: { "equals-ignore-case": "S3" } }] },
    "/source",
    'suffix: {"equals-ignore-case":"S3"}',
  ],
  [
    "a wildcard, which is no regular expression",
    { source: [{ wildcard: "aws?ec*" }] },
    "/source",
    'wildcard: "aws?ec*"',
  ],
  [
    "anything-but",
    { detail: { state: [{ "anything-but": ["running"] }] } },
    "/detail/state",
    'anything-but: ["running"]',
  ],
  [
    "anything-but of a missing field",
    { detail: { none: [{ "anything-but": "x" }] } },
    "/detail/none",
    'anything-but: "x"',
  ],
  [
    "anything-but, suffixes",
    { region: [{ "anything-but": { suffix: ["-2", "-1"] } }] },
    "/region",
    'anything-but: {"suffix":["-2","-1"]}',
  ],
  ["numeric", { detail: { "c-count": [{ numeric: [">=", 0, "<", 5] }] } }, "/detail/c-count", "numeric: >= 0 < 5"],
  ["numeric of a text", { version: [{ numeric: ["=", 0] }] }, "/version", "numeric: = 0"],
  ["cidr", { detail: { "source-ip": [{ cidr: "2001:db8::/32" }] } }, "/detail/source-ip", 'cidr: "2001:db8::/32"'],
  ["cidr of a number", { detail: { "c-count": [{ cidr: "0.0.0.0/0" }] } }, "/detail/c-count", 'cidr: "0.0.0.0/0"'],
  ["exists: true", { detail: { "e-count": [{ exists: true }] } }, "/detail/e-count", "exists: true"],
  ["exists: false", { detail: { state: [{ exists: false }] } }, "/detail/state", "exists: false"],
  ["a field below a value", { source: { name: ["x"] } }, "/source/name", '"x"'],
  ["a dot, which is part of a name", { "detail.state": ["running"] }, "/detail.state", '"running"'],
  [
    "$or, naming the branch that got furthest",
    { $or: [{ region: ["eu"] }, { detail: { state: ["stopped"] } }, { version: ["1"] }] },
    "/detail/state",
    '"stopped"',
  ],
];

for (const [name, pattern, path, rule] of broken) {
  test(`eventPattern() refuses by ${name}`, (t) => {
    const error = t.throws(() => eventPattern(pattern).validate(sample, EventData.empty), { instanceOf: SluiceError });

    t.is(error.code, "ERR_INVALID_METADATA");
    t.deepEqual(error.details, { path, rule });
    t.true(error.message.startsWith(`The metadata at ${path} must match ${rule}: `), error.message);
  });
}

test("eventPattern() shows the value in the message, or says that there is none", (t) => {
  const validator = eventPattern({ energy: [{ numeric: ["<", 100] }] });

  t.throws(() => validator.validate({ energy: 250 }, EventData.empty), {
    message: "The metadata at /energy must match numeric: < 100: current value is 250",
  });
  t.throws(() => validator.validate({}, EventData.empty), {
    message: "The metadata at /energy must match numeric: < 100: it is missing",
  });
});

const employees = {
  employees: [
    [
      { firstName: "John", lastName: "Doe" },
      { firstName: "Anna", lastName: "Smith" },
    ],
    [{ firstName: "Peter", lastName: "Jones", age: 7 }],
  ],
};

test("eventPattern() matches a list when one of its elements matches", (t) => {
  t.true(accepts({ tags: ["b"] }, { tags: ["a", "b"] }));
  t.true(accepts({ tags: ["c"] }, { tags: ["a", ["b", ["c"]]] }));
  t.true(accepts({ tags: [{ "anything-but": "a" }] }, { tags: ["a", "b"] }));
  t.false(accepts({ tags: [{ "anything-but": "a" }] }, { tags: ["a", "a"] }));
  t.false(accepts({ tags: ["c"] }, { tags: ["a", "b"] }));
});

test("eventPattern() takes an empty list for a missing field", (t) => {
  t.true(accepts({ tags: [{ exists: false }] }, { tags: [] }));
  t.false(accepts({ tags: [{ exists: true }] }, { tags: [] }));
  t.false(accepts({ tags: [null] }, { tags: [] }));
  t.true(accepts({ tags: { name: [{ exists: false }] } }, { tags: [] }));
});

test("eventPattern() matches a list of objects when one object matches on its own", (t) => {
  t.true(accepts({ employees: { firstName: ["Anna"] } }, employees));
  t.true(accepts({ employees: { firstName: ["Anna"], lastName: ["Smith"] } }, employees));
  t.false(accepts({ employees: { firstName: ["Anna"], lastName: ["Jones"] } }, employees));
});

test("eventPattern() asks exists: false of all elements of a list", (t) => {
  t.false(accepts({ employees: { age: [{ exists: false }] } }, employees));
  t.true(accepts({ employees: { size: [{ exists: false }] } }, employees));
});

test("eventPattern() names the element of a list that got furthest", (t) => {
  const validator = eventPattern({ runs: { detector: { state: ["on"] } } });
  const metadata = { runs: [{}, [{ detector: [{ state: "off" }] }]] };
  const error = t.throws(() => validator.validate(metadata, EventData.empty), { instanceOf: SluiceError });

  t.is(error.details["path"], "/runs/1/0/detector/0/state");
});

test("eventPattern() looks at own properties only", (t) => {
  const pattern = JSON.parse('{"__proto__":{"x":[1]},"constructor":[{"exists":false}]}');

  t.true(accepts(pattern, JSON.parse('{"__proto__":{"x":1}}')));
  t.false(accepts(pattern, { x: 1 }));
  t.true(accepts({ __proto__: [{ exists: false }], toString: [{ exists: false }] }, {}));
});

test("eventPattern() takes NaN and the infinities for no JSON numbers", (t) => {
  for (const energy of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    t.false(accepts({ energy: [{ numeric: [">", -1e308] }] }, { energy }));
    t.false(accepts({ energy: [{ numeric: ["<", 1e308] }] }, { energy }));
  }
  t.true(accepts({ energy: [0] }, { energy: -0 }));
});

test("eventPattern() takes null for a value", (t) => {
  t.true(accepts({ user: [null] }, { user: null }));
  t.true(accepts({ user: [{ "anything-but": "x" }] }, { user: null }));
  t.true(accepts({ user: [{ exists: true }] }, { user: null }));
  t.false(accepts({ user: [null] }, { user: undefined }));
});

test("eventPattern() refuses metadata that is no object, whatever it is", (t) => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic, cyclic);
  const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
  for (const metadata of [undefined, null, 7, "text", [], [{ a: 1 }], { a: cyclic }, { a: deep }, { a: () => {} }]) {
    t.false(accepts({ a: [1] }, metadata));
    t.false(accepts({ a: { b: [1] } }, metadata));
  }
});

test("eventPattern() takes time in proportion to long lists", (t) => {
  const items = Array.from({ length: 50_000 }, (_, index) => ({ index }));
  t.false(accepts({ items: { none: [{ exists: false }], index: [-1] } }, { items }));
});

const malformed: [pattern: unknown, kind: typeof TypeError | typeof RangeError, message: RegExp][] = [
  [null, TypeError, /^The event pattern must be an object: current value is null$/],
  [[], TypeError, /^The event pattern must be an object/],
  [{}, RangeError, /^The event pattern must name at least one field$/],
  [{ a: { b: {} } }, RangeError, /at \/a\/b must name at least one field/],
  [{ a: 42 }, TypeError, /at \/a must be a list of alternatives or an object: current value is 42/],
  [{ a: { prefix: "x" } }, TypeError, /at \/a\/prefix must be a list .*an operator stands in a list/],
  [{ a: [] }, RangeError, /at \/a must list at least one alternative/],
  [{ a: [["x"]] }, TypeError, /at \/a\/0 must be a value or an object with one operator/],
  [{ a: [undefined] }, TypeError, /at \/a\/0 must be/],
  [{ a: ["x", Number.NaN] }, RangeError, /at \/a\/1 must be a finite number: current value is NaN/],
  [{ a: [{}] }, RangeError, /at \/a\/0 must have exactly one operator/],
  [{ a: [{ prefix: "x", suffix: "y" }] }, RangeError, /at \/a\/0 must have exactly one operator/],
  [{ a: [{ EXISTS: true }] }, RangeError, /at \/a\/0 must use one of prefix, .*: current value is "EXISTS"/],
  [{ a: [{ constructor: true }] }, RangeError, /at \/a\/0 must use one of/],
  [{ a: [{ exists: "yes" }] }, TypeError, /at \/a\/0\/exists must be true or false/],
  [{ a: [{ prefix: 123 }] }, TypeError, /at \/a\/0\/prefix must be a string: current value is 123/],
  [{ a: [{ prefix: ["x"] }] }, TypeError, /at \/a\/0\/prefix must be/],
  [{ a: [{ prefix: { suffix: "x" } }] }, RangeError, /at \/a\/0\/prefix must use one of equals-ignore-case/],
  [
    { a: [{ suffix: { "equals-ignore-case": 1 } }] },
    TypeError,
    /at \/a\/0\/suffix\/equals-ignore-case must be a string/,
  ],
  [{ a: [{ "equals-ignore-case": ["x"] }] }, TypeError, /at \/a\/0\/equals-ignore-case must be a string/],
  [
    { a: [{ wildcard: "a**b" }] },
    RangeError,
    /at \/a\/0\/wildcard must not have two asterisks in a row: current value is "a\*\*b"/,
  ],
  [{ a: [{ wildcard: 123 }] }, TypeError, /at \/a\/0\/wildcard must be a string/],
  [{ a: [{ "anything-but": [] }] }, RangeError, /at \/a\/0\/anything-but must not be an empty list/],
  [{ a: [{ "anything-but": ["x", 1] }] }, TypeError, /at \/a\/0\/anything-but must be all strings or all numbers/],
  [{ a: [{ "anything-but": null }] }, TypeError, /at \/a\/0\/anything-but must be/],
  [{ a: [{ "anything-but": { prefix: "" } }] }, RangeError, /at \/a\/0\/anything-but\/prefix must not be empty/],
  [{ a: [{ "anything-but": { prefix: ["x", 1] } }] }, TypeError, /at \/a\/0\/anything-but\/prefix must be a string/],
  [{ a: [{ "anything-but": { numeric: ["=", 1] } }] }, RangeError, /at \/a\/0\/anything-but must use one of/],
  [{ a: [{ numeric: 10 }] }, TypeError, /at \/a\/0\/numeric must be a list/],
  [{ a: [{ numeric: [">", 0, "<"] }] }, RangeError, /at \/a\/0\/numeric must have one or two operators/],
  [
    { a: [{ numeric: ["!=", 0] }] },
    RangeError,
    /at \/a\/0\/numeric must use one of = < <= > >=: current value is "!="/,
  ],
  [
    { a: [{ numeric: [">", "0"] }] },
    TypeError,
    /at \/a\/0\/numeric must compare with a finite number: current value is "0"/,
  ],
  [{ a: [{ numeric: [">", 0, ">", 0] }] }, RangeError, /at \/a\/0\/numeric must name a lower bound/],
  [{ a: [{ numeric: [">", 5, "<", 5] }] }, RangeError, /at \/a\/0\/numeric must have its lower bound below/],
  [{ a: [{ cidr: "10.0.0.0/33" }] }, RangeError, /at \/a\/0\/cidr must be a block/],
  [{ a: [{ cidr: 10 }] }, TypeError, /at \/a\/0\/cidr must be a string/],
  [{ a: { $or: [{ b: [1] }, { c: [{ prefix: 1 }] }] } }, TypeError, /at \/a\/\$or\/1\/c\/0\/prefix must be a string/],
  [{ $or: { b: [1] } }, TypeError, /at \/\$or must be a list of patterns/],
  [{ $or: [{ b: [1] }] }, RangeError, /at \/\$or must list at least two patterns/],
];

for (const [pattern, kind, message] of malformed) {
  test(`eventPattern() refuses the pattern ${JSON.stringify(pattern)} ${String(message)}`, (t) => {
    t.throws(() => eventPattern(pattern as never), { instanceOf: kind, message });
  });
}

function accepts(pattern: EventPattern, metadata: unknown): boolean {
  try {
    eventPattern(pattern).validate(metadata, EventData.empty);
    return true;
  } catch (error) {
    if (error instanceof SluiceError && error.code === "ERR_INVALID_METADATA") return false;
    throw error;
  }
}
