import { firstValueFrom, from } from "rxjs";
import { idsOf } from "./ids.ts";
import { ok, rejects, same } from "./assert.ts";
import { batchOf, numbersOf, upTo, type Numbered, type Suite } from "./world.ts";
import { json, type EventBatch, type StreamEvent, type Topic } from "../../src/index.ts";

/** §17: a batch that is sent again. @internal */
export function idempotence({ test, can }: Suite): void {
  const append = (topic: Topic<Numbered>, batch: EventBatch) =>
    firstValueFrom(from(topic.backend.partitions[0]!.append(batch)));
  const numbers = (count: number, start: number, id: string, sequence: number) =>
    batchOf(
      upTo(count, start).map((n) => ({ n })),
      { producer: { id, sequence } },
    );

  test(`§17 a batch that is sent again is stored ${can.idempotent ? "once, and gets the ids that it got" : "twice"}`, async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    const first = await world.within("the batch", append(topic, numbers(3, 0, "p", 0)));
    const again = await world.within("the same batch", append(topic, numbers(3, 0, "p", 0)));

    if (can.idempotent) same(idsOf(again, 3), idsOf(first, 3), "The ids of the batch that was sent again");
    same(numbersOf(await world.read(topic)), can.idempotent ? [0, 1, 2] : [0, 1, 2, 0, 1, 2], "The events");
  });

  test("§17 a batch of nobody in particular is stored as often as it is sent", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("the batch", append(topic, batchOf([{ n: 0 }])));
    await world.within("the same batch", append(topic, batchOf([{ n: 0 }])));

    same(numbersOf(await world.read(topic)), [0, 0], "The events");
  });

  test("§17 two producers of one name do not take each other's events for repeated ones", async (world) => {
    const topic = await world.topic({ partitions: 1 });
    await world.store(topic.producer({ name: "app" }), 3);
    await world.store(topic.producer({ name: "app" }), 3, 3);

    same(numbersOf(await world.read(topic)), upTo(6), "The events");
  });

  test("§17 an event says which named producer has sent it, and its number among all from there", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("a batch", append(topic, numbers(3, 0, "p", 0)));
    await world.within("a batch of another producer", append(topic, numbers(1, 3, "q", 0)));
    await world.within("a batch of nobody in particular", append(topic, batchOf([{ n: 4 }])));
    await world.within("a batch that overlaps the first", append(topic, numbers(4, 1, "p", 1)));

    const events = await world.read(topic);
    const isNamed = ({ producer }: StreamEvent) => producer?.id === "p" || producer?.id === "q"; // Others may have got a name on the way.
    const known = events.filter(isNamed).map(({ producer, metadata }) => [metadata.n, producer]);
    if (!can.idempotent && known.length === 0) return; // It does not keep who has sent an event.
    const again = can.idempotent ? [] : [1, 2];
    const sent = [...[0, 1, 2].map((n) => [n, { id: "p", sequence: n }]), [3, { id: "q", sequence: 0 }]];
    same(known, [...sent, ...[...again, 3, 4].map((n) => [n, { id: "p", sequence: n }])], "Who has sent them");
  });

  test(`§17 how far a producer has come ${can.nextSequence === true ? "is said, also through another connection" : "cannot be asked"}`, async (world) => {
    const topic = await world.topic({ partitions: 2, serializer: json<Numbered>() });
    const next = async (producer: string, index = 0, asked = topic) =>
      world.within("the sequence", firstValueFrom(from(asked.backend.partitions[index]!.nextSequence!(producer))));
    if (can.nextSequence !== true) return same(topic.backend.partitions[0]!.nextSequence, undefined, "The call");
    same(await next("p"), 0, "A producer that is not known");
    await world.within("a batch", append(topic, numbers(3, 0, "p", 0)));
    await world.within("a batch of another producer", append(topic, numbers(2, 3, "q", 0)));
    await world.within("a batch that overlaps the first", append(topic, numbers(4, 1, "p", 1)));
    await world.within("a batch that is known", append(topic, numbers(2, 0, "p", 0)));
    await append(topic, numbers(1, 9, "p", 9)).catch(() => undefined);
    same(await next("p"), 5, "Behind what was stored");
    same(await next("q"), 2, "Another producer");
    same(await next("p", 1), 0, "Another partition");
    if (can.persistent) await world.within("the first driver to close", world.driver.close());
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    same(await next("p", 0, elsewhere), 5, "Through another connection");
  });

  if (!can.idempotent) return;

  test("§17 a batch of which a part was stored is stored from there on", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    const first = await world.within("a batch", append(topic, numbers(3, 0, "p", 0)));
    const second = await world.within("a batch that overlaps it", append(topic, numbers(4, 1, "p", 1)));

    same(idsOf(second, 4).slice(0, 2), idsOf(first, 3).slice(1), "The ids of the events that were there");
    same(
      (await world.read(topic)).map(({ id, metadata }) => [id, metadata.n]),
      upTo(5).map((n) => [idOfNumber(n), n]),
      "The events",
    );
    function idOfNumber(n: number): number {
      return n < 3 ? idsOf(first, 3)[n]! : idsOf(second, 4)[n - 1]!;
    }
  });

  test("§17 a batch that leaves a gap in its producer's sequence is refused", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    await world.within("a batch", append(topic, numbers(2, 0, "p", 0)));

    await rejects(
      world.within("the refusal", append(topic, numbers(2, 5, "p", 5))),
      "ERR_OUT_OF_SEQUENCE",
      "A batch behind a gap",
    );
    await world.within("the batch that was missing", append(topic, numbers(2, 2, "p", 2)));
    same(numbersOf(await world.read(topic)), upTo(4), "The events");
  });

  test("§17 each producer and each partition has a sequence of its own", async (world) => {
    const topic = await world.topic({ partitions: 2, serializer: json<Numbered>() });
    const second = topic.backend.partitions[1]!;
    await world.within("a batch", append(topic, numbers(2, 0, "p", 0)));
    await world.within("a batch of another producer", append(topic, numbers(2, 2, "q", 0)));
    await world.within("a batch for another partition", firstValueFrom(from(second.append(numbers(2, 4, "p", 0)))));

    const all = numbersOf(await world.read(topic)).sort((a, b) => a - b);
    same(all, upTo(6), "The events");
  });

  test("§17 a batch is known again through another connection", async (world) => {
    const topic = await world.topic({ partitions: 1, serializer: json<Numbered>() });
    const first = await world.within("the batch", append(topic, numbers(3, 0, "p", 0)));
    if (can.persistent) await world.within("the first driver to close", world.driver.close());
    const elsewhere = await (await world.reopen()).openTopic<Numbered>(topic.name);
    const again = await world.within("the same batch", append(elsewhere, numbers(3, 0, "p", 0)));

    ok(
      idsOf(again, 3).every((id, i) => id === idsOf(first, 3)[i] || id === -1),
      "The ids of the batch that was sent again",
    );
    same(numbersOf(await world.read(elsewhere)), upTo(3), "The events");
  });
}
