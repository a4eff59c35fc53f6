import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);

/** Runs a program in a process of its own and returns what it printed, once it has ended by itself. */
async function outputOf(program: string): Promise<string> {
  const code = `import { connect } from "sluice";\nimport { consume, produce } from "sluice/operators";\nimport { of } from "rxjs";\n${program}`;
  const args = ["--conditions=sluice-source", "--input-type=module", "--eval", code];
  const { stdout } = await run(process.execPath, args, { timeout: 60_000 });
  return stdout.trim();
}

test("a process ends by itself after close()", async (t) => {
  const output = await outputOf(`
    const driver = await connect("memory:");
    const topic = await driver.createTopic("topic");
    const subscription = topic.consumer("reader", { until: { idle: 3_600_000 } }).subscribe();
    topic.consumer("other").pull().wait(50).catch(() => {}); // It is told that the consumer was closed.
    await topic.producer({ linger: 3_600_000, batchSize: 10 }).push({ n: 1 }).wait(0);
    driver.makeThreadPool(2);
    await driver.close();
    console.log("closed");
  `);
  t.is(output, "closed");
});

test("a process ends by itself without close() when nothing is under way", async (t) => {
  const output = await outputOf(`
    const driver = await connect("memory:");
    const topic = await driver.createTopic("topic");
    of({ metadata: { n: 1 } }).pipe(produce(topic)).subscribe();
    consume(topic, "reader").subscribe((event) => console.log(event.metadata.n));
  `);
  t.is(output, "1");
});
