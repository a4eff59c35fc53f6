// npm run brokers [-- --nodes 3 --version 3.9.2 --fast run] [-- command …]
// Starts real brokers. With a command, runs it with SLUICE_KAFKA=host:port,… and ends with it; without one, runs until it is stopped.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { releases } from "./kafkaRelease.ts";
import { startCluster } from "./cluster.ts";

const given = process.argv.slice(2);
const cut = given.indexOf("--");
const [own, command] = cut < 0 ? [given, []] : [given.slice(0, cut), given.slice(cut + 1)];
const { values } = parseArgs({
  args: own,
  options: {
    nodes: { type: "string", default: "1" },
    version: { type: "string", default: releases.newest },
    heap: { type: "string", default: "320" },
    fast: { type: "string", default: "start" },
  },
});
const cluster = await startCluster({
  nodes: Number(values.nodes),
  version: values.version,
  heap: Number(values.heap),
  fast: values.fast === "run" ? "run" : "start",
});
const brokers = cluster.brokers.join(",");
console.error(`Apache Kafka ${cluster.version} listens on kafka://${brokers}/`);

let code = 0;
if (command.length > 0) {
  const env = {
    ...process.env,
    SLUICE_KAFKA: brokers,
    SLUICE_KAFKA_SASL: cluster.saslBrokers.join(","),
    SLUICE_KAFKA_TLS: cluster.tlsBrokers.join(","),
    SLUICE_KAFKA_CA: cluster.ca,
  };
  const child = spawn(command[0]!, command.slice(1), { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
  [code] = (await once(child, "exit")) as [number];
} else {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}
await cluster.stop();
process.exitCode = code ?? 1;
