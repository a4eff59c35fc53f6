import test from "ava";
import { hashToken, makeToken, type AccessRule, type Right } from "../../backends/service/server/index.ts";
import { connected, served, until } from "./served.ts";

const everything: readonly Right[] = ["publish", "subscribe", "admin"];
const unauthorized = { code: "ERR_UNAUTHORIZED" };
const forbidden = { code: "ERR_FORBIDDEN" };

/** A token with what a service knows of it. */
function tokenOf(user: string) {
  const token = makeToken();
  return { token, entry: { user, hash: hashToken(token) } };
}

const allowAll: readonly AccessRule[] = [{ users: ["*"], topics: ["*"], allow: everything }];

test("changeAccess() closes who came by a token that is gone, and nobody else, also of the same user", async (t) => {
  const [old, renewed, bob] = [tokenOf("ann"), tokenOf("ann"), tokenOf("bob")];
  const service = await served(t, { tokens: [old.entry, renewed.entry, bob.entry], access: allowAll });
  const [address] = service.addresses;
  const [byOld, byNew, his] = [
    await connected(t, address!, { token: old.token }),
    await connected(t, address!, { token: renewed.token }),
    await connected(t, address!, { token: bob.token }),
  ];
  const topic = await byOld.createTopic<number>("a");
  const read = t.throwsAsync(Promise.resolve(topic.consumer("app").pull()), unauthorized);
  await until(() => service.statistics.connections === 3);

  service.changeAccess({ tokens: [renewed.entry, bob.entry], access: allowAll });
  await read;
  await t.throwsAsync(byOld.listTopics(), unauthorized);
  await t.throwsAsync(connected(t, address!, { token: old.token }), unauthorized);
  t.deepEqual(await byNew.listTopics(), ["a"]);
  t.deepEqual(await his.listTopics(), ["a"]);
  t.is(service.statistics.connections, 2);
  t.throws(() => service.access.userOf(old.token), unauthorized, "what is beside the service hears of it too");
});

test("changeAccess() lets somebody in who is new", async (t) => {
  const [ann, bob] = [tokenOf("ann"), tokenOf("bob")];
  const service = await served(t, { tokens: [ann.entry], access: allowAll });
  await t.throwsAsync(connected(t, service.addresses[0]!, { token: bob.token }), unauthorized);
  service.changeAccess({ tokens: [ann.entry, bob.entry], access: allowAll });
  t.deepEqual(await (await connected(t, service.addresses[0]!, { token: bob.token })).listTopics(), []);
});

test("a right that is taken away ends what is under way by it, and leaves the rest", async (t) => {
  const ann = tokenOf("ann");
  const service = await served(t, { tokens: [ann.entry], access: allowAll });
  const hers = await connected(t, service.addresses[0]!, { token: ann.token });
  const [a, b] = [await hers.createTopic<number>("a"), await hers.createTopic<number>("b")];
  const waiting = a.consumer("app").pull();
  const other = b.consumer("app");
  await b.producer().push(1);
  await (await other.pull()).acknowledge();
  const next = other.pull();
  const producer = a.producer();
  await producer.push(1); // It may be read, and is what the consumer waits for.
  await waiting;
  const again = t.throwsAsync(Promise.resolve(a.consumer("app").pull()), forbidden);

  service.changeAccess({
    tokens: [ann.entry],
    access: [...allowAll, { users: ["ann"], topics: ["a"], deny: ["subscribe"] }],
  });
  await again;
  t.is(await producer.push(2), 1, "she may still publish");
  await b.producer().push(2);
  t.is((await next).metadata, 2, "the other topic goes on where it was");
});

test("an event that was delivered is not acknowledged without the right any more", async (t) => {
  const ann = tokenOf("ann");
  const service = await served(t, { tokens: [ann.entry], access: allowAll });
  const hers = await connected(t, service.addresses[0]!, { token: ann.token });
  const topic = await hers.createTopic<number>("a");
  await topic.producer().push(1);
  const event = await topic.consumer("app").pull();
  service.changeAccess({
    tokens: [ann.entry],
    access: [{ users: ["ann"], topics: ["a"], allow: ["publish", "admin"] }],
  });
  await t.throwsAsync(Promise.resolve(event.acknowledge()));
  t.is((await topic.lag("app")).total, 1);
});

test("changeAccess() refuses what is wrong, and all stays as it was", async (t) => {
  const ann = tokenOf("ann");
  const service = await served(t, { tokens: [ann.entry], access: allowAll });
  const hers = await connected(t, service.addresses[0]!, { token: ann.token });
  t.throws(() => service.changeAccess({ tokens: [{ user: "ann", hash: ann.token }], access: [] }), {
    instanceOf: TypeError,
  });
  t.throws(() => service.changeAccess({ tokens: [], access: [{ users: [], topics: [], allow: ["read" as never] }] }), {
    instanceOf: RangeError,
  });
  t.throws(() => service.changeAccess({ access: allowAll }), { instanceOf: TypeError, message: /'tokens'/ });
  t.deepEqual(await hers.listTopics(), []);

  const open = await served(t);
  t.throws(() => open.changeAccess({ tokens: [ann.entry], access: allowAll }), {
    instanceOf: TypeError,
    message: /'tokens'/,
  });
});
