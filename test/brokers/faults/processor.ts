// node processor.ts <brokers> <source> <target> <options as JSON>
// Turns each event of one topic into two events of another, each exactly once, until it is killed. Value n of partition p becomes 2n
// in the same partition and 2n + 1 in the next one. For each transaction that was answered it writes a line for each of its events:
//
//   <partition> <id> <value>

import { writeSync } from "node:fs";
import type { KafkaConnectOptions } from "../../../backends/kafka/index.ts";
import { consume, processExactlyOnce, type TransactionReceipt } from "../../../operators/index.ts";
import { connect } from "../../../src/index.ts";
import { dataOf, type Value } from "./workload.ts";

interface Output {
  readonly value: number;
  readonly partition: number;
}

const [brokers, sourceName, targetName, options] = process.argv.slice(2) as [string, string, string, string];
const driver = await connect(`kafka://${brokers}/`, { ...(JSON.parse(options) as KafkaConnectOptions) });
const source = await driver.openTopic<Value>(sourceName);
const target = await driver.openTopic<Value>(targetName);
/** What events were turned into, by partition and id. */
const made = Array.from({ length: source.partitions }, () => new Map<number, readonly Output[]>());

/** Says why a transaction is tried again. */
const failures = {
  next: (error: unknown) => console.error(process.pid, new Date().toISOString(), String(error)),
};

/** The values of the outputs of a transaction, in the order in which it stored them. */
function valuesOf({ partition, lastId, consumed }: TransactionReceipt): number[] {
  const own = made[partition]!;
  const ids = [...own.keys()].filter((id) => id <= lastId).toSorted((a, b) => a - b);
  const outputs = ids.slice(-consumed).flatMap((id) => own.get(id)!);
  for (const id of ids) own.delete(id);
  const written = [...new Set(outputs.map((output) => output.partition))];
  return written.flatMap((each) => outputs.filter((output) => output.partition === each)).map(({ value }) => value);
}

consume(source, "copy")
  .pipe(
    processExactlyOnce(
      target,
      ({ id, partition, metadata: { value } }) => {
        const outputs = [
          { value: 2 * value, partition },
          { value: 2 * value + 1, partition: (partition + 1) % target.partitions },
        ];
        made[partition]!.set(id, outputs);
        return outputs.map((output) => ({
          metadata: { value: output.value },
          data: dataOf(output.value),
          partition: output.partition,
        }));
      },
      { batchSize: 50, retry: { maxDelay: 500 }, ...(process.env["SLUICE_VERBOSE"] && { failures }) },
    ),
  )
  .subscribe({
    next: (receipt) => {
      const values = valuesOf(receipt);
      writeSync(1, receipt.produced.map(({ partition, id }, i) => `${partition} ${id} ${values[i]}\n`).join(""));
    },
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  });
