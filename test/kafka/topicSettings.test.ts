import test from "ava";
import { settingsOf } from "../../backends/kafka/topicSettings.ts";
import type { Retention, TopicConfig } from "../../src/index.ts";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

function settings(retention: Retention | undefined, holds: "events" | "chunks") {
  return settingsOf({ retention } as TopicConfig, holds, { chunkBytes: 1000 });
}

test("a topic without a rule keeps everything", (t) => {
  for (const holds of ["events", "chunks"] as const) {
    t.like(settings(undefined, holds), { "retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete" });
  }
});

for (const maxAge of [1, minute, day, 400 * day]) {
  test(`chunks outlive a record that lives as long as its segment, where maxAge is ${maxAge} ms`, (t) => {
    const [events, chunks] = [settings({ maxAge }, "events"), settings({ maxAge }, "chunks")];
    // A record may be as much older than the youngest of its segment as the segment is long, and the youngest may be an hour ahead.
    const longest = Number(events["retention.ms"]) + Number(events["segment.ms"]) + hour;

    t.true(Number(chunks["retention.ms"]) >= longest + 35 * minute);
    t.is(chunks["message.timestamp.type"], "LogAppendTime");
  });
}

test("Kafka drops no chunk by size, since it would not drop its record first", (t) => {
  t.is(settings({ maxBytes: 1 << 30 }, "events")["retention.bytes"], String(1 << 30));
  t.is(settings({ maxBytes: 1 << 30 }, "chunks")["retention.bytes"], "-1");
});
