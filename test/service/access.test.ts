import test from "ava";
import {
  Access,
  hashToken,
  makeToken,
  rights,
  type AccessRule,
  type Right,
} from "../../backends/service/server/access.ts";
import { random } from "./random.ts";

const seed = Number(process.env["SLUICE_SEED"] ?? Date.now() % 1e9);
const cases = 1_000_000;

const users = ["ann", "bob", "*", "eve"];
const topics = ["a", "ab", "abc", "b", "runs.1", "runs.2"];
const patterns = ["*", "a", "a*", "ab*", "abc", "b", "runs.*", "runs.1", "nothing"];

/** The rules again, written as a question about each of them: is there one that denies, and is there one that allows? */
function reference(rules: readonly AccessRule[], user: string, right: Right, topic: string): boolean {
  const concerned = rules.filter(
    (rule) =>
      rule.users.some((each) => each === "*" || each === user) &&
      rule.topics.some((pattern) => new RegExp(`^${pattern.replaceAll(".", "\\.").replace("*", ".*")}$`).test(topic)),
  );
  const denied = concerned.some((rule) => rule.deny?.includes(right) === true);
  return !denied && concerned.some((rule) => rule.allow?.includes(right) === true);
}

test(`rules say in ${cases} cases what a reference says, and every outcome occurs`, (t) => {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const some = <T>(list: readonly T[]): T[] => list.filter(() => next() < 0.4);
  const outcomes = { allowed: 0, denied: 0 };
  let access = new Access([], []);
  let rules: AccessRule[] = [];
  for (let i = 0; i < cases; i++) {
    if (i % 50 === 0) {
      rules = Array.from({ length: Math.floor(next() * 6) }, () => ({
        users: [pick(users), ...some(users)],
        topics: [pick(patterns), ...some(patterns)],
        allow: some(rights),
        ...(next() < 0.4 && { deny: some(rights) }),
      }));
      access = new Access([], rules);
    }
    const [user, right, topic] = [pick(["ann", "bob", "zoe"]), pick(rights), pick(topics)];
    const is = access.may(user, right, topic);
    outcomes[is ? "allowed" : "denied"]++;
    if (is !== reference(rules, user, right, topic))
      t.fail(`seed ${seed}, case ${i}: ${user} ${right} ${topic} in ${JSON.stringify(rules)}`);
  }
  t.log(`seed ${seed}`, outcomes);
  t.true(outcomes.allowed > cases / 20 && outcomes.denied > cases / 20);
});

test("what no rule allows is denied, and what one denies no other allows", (t) => {
  t.false(new Access([], []).may("ann", "publish", "a"));
  const allow = { users: ["ann"], topics: ["*"], allow: rights };
  const deny = { users: ["*"], topics: ["secret"], deny: rights };
  for (const rules of [
    [allow, deny],
    [deny, allow],
  ]) {
    const access = new Access([], rules);
    t.true(access.may("ann", "publish", "a"));
    t.false(access.may("ann", "publish", "secret"));
    t.throws(() => access.assert("ann", ["admin"], "secret"), { code: "ERR_FORBIDDEN" });
  }
});

test("a token is known by its hash, and by nothing else", (t) => {
  const token = makeToken();
  const hash = hashToken(token);
  t.false(hash.includes(token));
  const access = new Access(
    [
      { user: "ann", hash },
      { user: "bob", hash: hashToken(makeToken()) },
    ],
    [],
  );
  t.is(access.userOf(token), "ann");
  for (const wrong of [undefined, "", `${token} `, token.slice(1), hash]) {
    t.throws(() => access.userOf(wrong), { code: "ERR_UNAUTHORIZED" });
  }
  access.revoke("ann");
  t.throws(() => access.userOf(token), { code: "ERR_UNAUTHORIZED" });
});

test("a token that was put where its hash belongs is refused without being shown", (t) => {
  const token = makeToken();
  const error = t.throws(() => new Access([{ user: "ann", hash: token }], []), { instanceOf: TypeError });
  t.false(error.message.includes(token));
});

test("wrong tokens and rules are refused", (t) => {
  t.throws(() => hashToken("short"), { instanceOf: RangeError });
  t.throws(() => hashToken(7 as never), { instanceOf: TypeError });
  t.throws(() => new Access([], undefined), { instanceOf: TypeError });
  t.throws(() => new Access(undefined, [{ users: "ann" as never, topics: [] }]), { instanceOf: TypeError });
  t.throws(() => new Access(undefined, [{ users: [], topics: [], allow: ["read" as never] }]), {
    instanceOf: RangeError,
  });
});
