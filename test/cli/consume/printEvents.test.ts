import test from "ava";
import { connect } from "sluice";
import { printEvents } from "../../../cli/consume/printEvents.ts";

async function topicOf(count: number) {
  const driver = await connect("memory:");
  const topic = await driver.createTopic("numbers");
  for (let n = 0; n < count; n++) topic.producer().push(n);
  return { driver, consumer: topic.consumer("printer", { until: "end" }) };
}

const never = new AbortController().signal;

test("printEvents() reports no event whose line nobody took", async (t) => {
  const { driver, consumer } = await topicOf(5);
  const written: number[] = [];
  const taken: string[] = [];
  await printEvents(consumer, {
    lineOf: ({ metadata }) => String(metadata),
    write: (text) => {
      taken.push(text);
      return Promise.resolve(false);
    },
    written: ({ id }) => void written.push(id),
    end: () => Promise.resolve(),
    stopping: never,
  });
  t.is(taken.join(""), "0\n1\n2\n3\n4\n");
  t.deepEqual(written, []);
  await driver.close();
});

test("printEvents() writes in order, and ends before the consumer has let its partitions go", async (t) => {
  const { driver, consumer } = await topicOf(3);
  const steps: string[] = [];
  await printEvents(consumer, {
    lineOf: ({ metadata }) => String(metadata),
    write: async (text) => {
      await Promise.resolve();
      steps.push(`write ${text.trim().replaceAll("\n", " ")}`);
      return true;
    },
    written: ({ id }) => void steps.push(`written ${id}`),
    end: () => Promise.resolve(void steps.push("end")),
    count: 2,
    stopping: never,
  });
  t.deepEqual(
    steps.filter((step) => !step.startsWith("write ")),
    ["written 0", "written 1", "end"],
  );
  await driver.close();
});

test("printEvents() stops while it waits for an event", async (t) => {
  const driver = await connect("memory:");
  const consumer = (await driver.createTopic("empty")).consumer("printer");
  const stop = new AbortController();
  let hasEnded = false;
  const printing = printEvents(consumer, {
    lineOf: () => "",
    write: () => Promise.resolve(true),
    written: () => {},
    end: () => Promise.resolve(void (hasEnded = true)),
    stopping: stop.signal,
  });
  stop.abort();
  await printing;
  t.true(hasEnded);
  await driver.close();
});
